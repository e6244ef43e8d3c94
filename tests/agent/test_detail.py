"""What is read beyond the usual, and only where it is asked for."""

import pytest

from agent.catalogue import Series, Values
from agent.devices import Devices
from agent.nvml.driver import DETAILS, Driver
from tests.agent.gpus import HEAD, Put, uuid

pytestmark = pytest.mark.usefixtures("patient")
LINK, PIPE = "neurox_gpu_nvlink_link_bytes_total", "neurox_gpu_tensor_pipe_active_ratio"
GPU = (
    f"[gpu 0]\nprofile = h200\nuuid = {uuid(0)}\nutilization = 0.5\n"
    "nvlink_tx_bytes_per_second = 18e9\nnvlink_rx_bytes_per_second = 36e9\n"
)


def read(scenario: Put, detail: tuple[str, ...], more: str = "") -> Values:
    """Twice, eleven seconds apart."""
    devices = Devices(Driver(detail))
    try:
        for clock in (2000, 2011):
            scenario(f"clock = {clock}\n{HEAD}{GPU}{more}")
            (use,) = devices.read(float(clock))
        assert not devices.errors
        return use.gpu.values
    finally:
        devices.close()


def of(name: str, values: Values) -> dict[tuple[str, ...], float]:
    return {labels: value for (series, labels), value in values.items() if series == name}


def test_nothing_of_it_is_read_unless_it_is_asked_for(scenario: Put) -> None:
    names = {name for name, _ in read(scenario, ())}
    assert "neurox_gpu_tensor_active_ratio" in names
    assert not names & {LINK, PIPE}


def test_each_link_has_its_bytes_and_together_they_are_the_gpus(scenario: Put) -> None:
    values = read(scenario, DETAILS)
    links = of(LINK, values)
    assert set(links) == {(str(n), way) for n in range(18) for way in ("transmit", "receive")}
    assert links["17", "receive"] == pytest.approx(2 * links["17", "transmit"], rel=1e-6)
    total: Series = ("neurox_gpu_nvlink_bytes_total", ("transmit",))
    sent = sum(count for (_, way), count in links.items() if way == "transmit")
    assert sent == pytest.approx(values[total], rel=1e-6)
    assert sent == pytest.approx(11 * 18e9, rel=1e-6)


def test_each_kind_of_tensor_pipe_has_its_activity(scenario: Put) -> None:
    pipes = of(PIPE, read(scenario, ("tensor",)))
    expected = {("dfma",): 0.005, ("hmma",): 0.2, ("dmma",): 0.01, ("imma",): 0.015}
    assert pipes == pytest.approx(expected)


def test_errors_of_memory_are_told_where_they_happened(scenario: Put) -> None:
    kinds = [(s, t) for s in ("corrected", "uncorrected") for t in ("volatile", "aggregate")]
    more = "".join(
        f"ecc = {severity} {lifetime} {20 + 3 * at}\necc_sram = {severity} {lifetime} {1 + at}\n"
        for at, (severity, lifetime) in enumerate(kinds)
    )
    found = of("neurox_gpu_ecc_location_errors_total", read(scenario, (), more))
    assert found == {
        (*kind, location): count
        for at, kind in enumerate(kinds)
        for location, count in (("device_memory", 19 + 2 * at), ("sram", 1 + at))
    }
