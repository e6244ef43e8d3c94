"""Drivers count in KiB, MiB, milliwatts and nanoseconds; we in base units, whichever call it is."""

import pytest

from agent.catalogue import ENERGY, POWER, Series
from agent.devices import Devices
from tests.agent.gpus import HEAD, Put, uuid

RATE = 3e9
LINES = (
    f"[gpu 0]\nprofile = h200\nuuid = {uuid(0)}\nutilization = 0.5\npower_watts = 200\n"
    "clock_event = power_cap\n"
    + "".join(
        f"{link}_{way}_bytes_per_second = {RATE}\n"
        for link in ("pcie", "nvlink")
        for way in ("tx", "rx")
    )
)
NVLINK: Series = ("neurox_gpu_nvlink_bytes_total", ("transmit",))
PCIE: Series = ("neurox_gpu_pcie_bytes_total", ("receive",))
THROTTLED: Series = ("neurox_gpu_throttled_seconds_total", ("power_cap",))
SECONDS = 10


def grown(devices: Devices, scenario: Put, more: str = "") -> dict[Series, float]:
    """How much each series grew in ten seconds, or stands at where it is no counter."""
    found = []
    for clock in (1000, 1001, 1001 + SECONDS):
        scenario(f"clock = {clock}\n{HEAD}{more}{LINES}")
        ((use),) = devices.read(float(clock))
        assert use.gpu.up
        found.append(use.gpu.values)
    last, before = found[2], found[1]
    assert not devices.errors
    return {
        series: value - (before.get(series, 0) if series[0].endswith("_total") else 0)
        for series, value in last.items()
    }


@pytest.mark.usefixtures("patient")
def test_fields_are_told_in_bytes_joules_watts_and_seconds(devices: Devices, scenario: Put) -> None:
    found = grown(devices, scenario)
    assert found[NVLINK] == pytest.approx(RATE * (SECONDS + 1), rel=1e-3)
    assert found[PCIE] == pytest.approx(RATE * (SECONDS + 1), rel=1e-3)
    assert found[THROTTLED] == pytest.approx(SECONDS + 1, rel=1e-3)
    assert found[ENERGY] == pytest.approx(200 * SECONDS, rel=1e-3)
    assert found[POWER] == 200


@pytest.mark.usefixtures("patient")
def test_where_a_driver_does_not_count_bytes_gpm_tells_the_same(
    devices: Devices, scenario: Put
) -> None:
    found = grown(devices, scenario, "missing = nvmlDeviceGetFieldValues\n")
    assert found[NVLINK] == pytest.approx(RATE * SECONDS, rel=1e-3)
    assert found[PCIE] == pytest.approx(RATE * SECONDS, rel=1e-3)
    assert THROTTLED not in found
    assert found[POWER] == 200


@pytest.mark.usefixtures("patient")
def test_used_memory_has_the_reserved_in_it_only_where_it_cannot_be_told_apart(
    devices: Devices, scenario: Put
) -> None:
    text = f"{HEAD}{LINES}process = 1 1000000 0.1\n"
    used, reserved = "neurox_gpu_memory_used_bytes", "neurox_gpu_memory_reserved_bytes"
    scenario(text)
    values = devices.read(0.0)[0].gpu.values
    assert values[used, ()] == 1_000_000
    devices.close()
    scenario("missing = nvmlDeviceGetMemoryInfo_v2\n" + text)
    older = devices.read(1.0)[0].gpu.values
    assert older[used, ()] == 1_000_000 + values[reserved, ()]
    assert (reserved, ()) not in older
