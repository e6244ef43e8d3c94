"""What is read of every GPU model that the simulated driver knows, against the catalogue."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.catalogue import METRICS, Series
from agent.devices import Devices
from agent.nvml.driver import DETAILS, Driver
from agent.simulated import profile
from agent.snapshot import Gpu

pytestmark = pytest.mark.usefixtures("patient")
Put = Callable[[str], None]
UUID = "GPU-00000000-0000-0000-0000-000000000000"
PROFILES = sorted(
    path.name for path in (Path(profile.__file__).parent / "profiles").iterdir() if path.is_file()
)
MORE = {
    "h100": "mig = 1 0 3g.40gb\n",
    "l40s": "fan_speed = 0.3\nxid = 1 31\n",
}
"""What no model has by itself."""
ELSEWHERE = {
    name
    for name, metric in METRICS.items()
    if metric.scope == "gpu"
    and any(word in name for word in ("unattributed", "ended_pods", "job_info"))
}
"""Told by attribution and by files of jobs."""
OF_IDENTITY = {"neurox_gpu_info", "neurox_gpu_up", "neurox_mig_info"}
"""Written by the page, out of what a GPU is."""


def read(put: Put, name: str) -> Gpu:
    """Passes a second apart, until events have come, by a clock that the scenario sets."""
    gpu = f"[gpu 0]\nprofile = {name}\nuuid = {UUID}\n{MORE.get(name, '')}"
    begin = 1000 * (1 + PROFILES.index(name))  # the library is loaded once, its time goes on
    devices = Devices(Driver(DETAILS))
    try:
        for second in range(100):
            put(f"clock = {begin + second}\ndriver = 580.95.05\n{gpu}")
            (use,) = devices.read(float(second))
            seen = any(series == "neurox_gpu_xid_info" for series, _ in use.gpu.values)
            if second and (seen or "xid" not in gpu):
                break
            threading.Event().wait(0.02)
        assert not devices.errors
        return use.gpu
    finally:
        devices.close()


def series_of(gpu: Gpu) -> set[Series]:
    return {*gpu.values, *(series for mig in gpu.migs for series in mig.values)}


def test_every_reading_is_in_the_catalogue_and_every_row_of_it_is_read(scenario: Put) -> None:
    found: set[Series] = set()
    for name in PROFILES:
        found |= series_of(read(scenario, name))
    for name, labels in found:
        assert len(labels) == len(METRICS[name].labels), name
        assert METRICS[name].scope in ("gpu", "mig")
    rows = {name for name, metric in METRICS.items() if metric.scope in ("gpu", "mig")}
    assert {name for name, _ in found} == rows - ELSEWHERE - OF_IDENTITY


@pytest.mark.parametrize("name", PROFILES)
def test_no_value_is_a_sentinel(scenario: Put, name: str) -> None:
    gpu = read(scenario, name)
    assert gpu.up
    assert len(gpu.values) > (20 if name == "vgpu" else 60)
    values = [*gpu.values.items(), *(item for mig in gpu.migs for item in mig.values.items())]
    for (series, labels), value in values:
        assert 0 <= value < 1 << 48, (series, labels)
        if METRICS[series].unit == "ratio":
            assert value <= 1, (series, labels)


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("h200", "sm_active_ratio", "retired_pages"),
        ("b200", "tensor_active_seconds_total", "fan_speed_ratio"),
        ("a100", "remapped_rows", "sm_active_ratio"),
        ("a100-mig", "mig_mode", "utilization_ratio"),
        ("t4", "retired_pages", "nvlink_links"),
        ("vgpu", "utilization_ratio", "power_watts"),
        ("vgpu", "busy_seconds_total", "energy_joules_total"),
        ("vgpu", "encoder_utilization_ratio", "ecc_enabled"),
        ("vgpu", "memory_used_bytes", "temperature_celsius"),
        ("l40s", "encoder_utilization_ratio", "fabric_state"),
    ],
)
def test_a_model_has_what_it_has(scenario: Put, name: str, has: str, lacks: str) -> None:
    names = {series for series, _ in read(scenario, name).values}
    assert f"neurox_gpu_{has}" in names
    assert f"neurox_gpu_{lacks}" not in names
