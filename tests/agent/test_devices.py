"""Devices on the real ctypes path, with a clock of the test's own."""

from collections.abc import Callable, Iterator

import pytest

from agent.catalogue import BUSY_SECONDS, ENERGY, POWER, UTILIZATION
from agent.devices import Devices
from agent.nvml.driver import Driver

Put = Callable[[str], None]
HEAD = "driver = 580.95.05\n"


def one(index: int, more: str = "") -> str:
    return (
        f"[gpu {index}]\nuuid = GPU-00000000-0000-0000-0000-00000000000{index}\n"
        f"model = NVIDIA H200\nmemory_bytes = 1000000\nutilization = 0.5\n{more}\n"
    )


@pytest.fixture
def devices(scenario: Put) -> Iterator[Devices]:
    devices = Devices(Driver())
    yield devices
    devices.close()


def test_busy_seconds_and_energy_are_counters(devices: Devices, scenario: Put) -> None:
    scenario("clock = 100\n" + HEAD + one(0, "power_watts = 200\nenergy_joules = 50"))
    first = devices.read(100.0)[0].values
    scenario("clock = 102\n" + HEAD + one(0, "power_watts = 200"))
    second = devices.read(102.0)[0].values
    assert second[BUSY_SECONDS] - first[BUSY_SECONDS] == 1.0
    assert second[ENERGY] - first[ENERGY] == 400.0


def test_what_is_unsupported_is_absent_and_no_error(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0))
    gpu = devices.read(0.0)[0]
    names = {name for name, _ in gpu.values}
    assert gpu.up
    assert POWER not in names
    assert ENERGY not in names
    assert ("neurox_gpu_clock_hertz", ("sm",)) not in names
    assert not devices.errors


def test_a_failed_call_is_absent_and_counted(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0, "fail = nvmlDeviceGetUtilizationRates 999"))
    gpu = devices.read(0.0)[0]
    assert UTILIZATION not in gpu.values
    assert ("neurox_gpu_memory_total_bytes", ()) in gpu.values
    assert devices.errors == {("nvmlDeviceGetUtilizationRates", "Unknown Error"): 1}


def test_a_lost_gpu_keeps_its_name_and_comes_back(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0) + one(1))
    before = devices.read(0.0)
    scenario(HEAD + one(0) + one(1, "lost = yes"))
    alive, lost = devices.read(1.0)
    assert alive.up
    assert alive.values
    assert (lost.up, lost.values, lost.identity) == (False, {}, before[1].identity)
    assert devices.errors["read", "GPU is lost"] == 1
    scenario(HEAD + one(0) + one(1))
    assert devices.read(2.0)[1].up


def test_without_a_driver_it_says_why_and_tries_again_later(
    devices: Devices, scenario: Put
) -> None:
    assert devices.read(0.0) == ()
    assert devices.problem == "libnvidia-ml.so.1 answers: Driver Not Loaded"
    scenario(HEAD + one(0))
    assert devices.read(0.5) == ()
    assert len(devices.read(1.5)) == 1
    assert devices.problem is None


def test_processes_of_a_gpu_are_listed(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0, "process = 42 1000 0.1\nprocess = 43 2000 0"))
    gpu = devices.read(0.0)[0]
    assert [(p.pid, p.memory_bytes) for p in devices.processes(gpu) or ()] == [
        (42, 1000),
        (43, 2000),
    ]
