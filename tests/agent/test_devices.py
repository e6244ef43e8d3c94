"""Devices on the real ctypes path, with a clock of the test's own."""

import os
import time

import pytest

from agent.catalogue import BUSY_SECONDS, ENERGY, POWER, UTILIZATION, Series
from agent.devices import Devices
from agent.nvml.driver import Driver
from agent.snapshot import GpuUse
from tests.agent.gpus import HEAD, Put, one, until, uuid

XID_79: Series = ("neurox_gpu_xid_errors_total", ("79",))


def test_busy_seconds_and_energy_are_counters(devices: Devices, scenario: Put) -> None:
    scenario("clock = 100\n" + HEAD + one(0, "power_watts = 200\nenergy_joules = 50"))
    first = devices.read(100.0)[0].gpu.values
    scenario("clock = 102\n" + HEAD + one(0, "power_watts = 200"))
    second = devices.read(102.0)[0].gpu.values
    assert second[BUSY_SECONDS] - first[BUSY_SECONDS] == pytest.approx(1.0, abs=0.01)
    assert (first[ENERGY], second[ENERGY]) == (0, 400)


def test_what_is_unsupported_is_absent_no_error_and_not_asked_again(
    devices: Devices, scenario: Put
) -> None:
    scenario(HEAD + one(0))
    gpu = devices.read(0.0)[0].gpu
    names = {name for name, _ in gpu.values}
    assert gpu.up
    assert POWER not in names
    assert ENERGY not in names
    assert not devices.errors
    scenario(HEAD + one(0, "power_watts = 100\nfail = nvmlDeviceGetFieldValues 999"))
    assert POWER not in devices.read(1.0)[0].gpu.values
    assert not devices.errors


def test_a_failed_call_is_absent_and_counted(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0, "fail = nvmlDeviceGetUtilizationRates 4"))
    gpu = devices.read(0.0)[0].gpu
    assert UTILIZATION not in gpu.values
    assert ("neurox_gpu_memory_total_bytes", ()) in gpu.values
    assert devices.errors == {("nvmlDeviceGetUtilizationRates", "no_permission"): 1}
    scenario(HEAD + one(0))
    assert devices.read(1.0)[0].gpu.values[UTILIZATION] == 0.5


@pytest.mark.parametrize(
    ("absurd", "named"),
    [("9.2e18", "neurox_gpu_ecc_errors_total"), ("9.5e18", "nvmlDeviceGetFieldValues")],
)
def test_a_count_that_can_not_be_is_absent_an_error_and_leaves_no_mark(
    devices: Devices, scenario: Put, absurd: str, named: str
) -> None:
    series: Series = ("neurox_gpu_ecc_errors_total", ("corrected", "volatile"))
    told = []
    for minute, count in enumerate(("50", "90", absurd, "120", "150")):
        scenario(HEAD + one(0, f"ecc = corrected volatile {count}"))
        told.append(devices.read(minute * 60.0)[0].gpu.values.get(series))
    assert told == [50, 90, None, 120, 150]
    # The split by where errors happened may tell of the same count.
    assert devices.errors[named, "implausible"] == 1
    assert {error for _, error in devices.errors} == {"implausible"}


@pytest.mark.parametrize(
    ("symbol", "name", "value"),
    [
        ("nvmlDeviceGetTemperatureV", "neurox_gpu_temperature_celsius", 61),
        ("nvmlDeviceGetMemoryInfo_v2", "neurox_gpu_memory_total_bytes", 1000000),
        ("nvmlDeviceGetFieldValues", "neurox_gpu_power_watts", 200),
        ("nvmlDeviceGetFanSpeed_v2", "neurox_gpu_fan_speed_ratio", 0.3),
        ("nvmlDeviceGetCurrentClocksEventReasons", "neurox_gpu_clock_event_active", 1),
        ("nvmlDeviceGetSamples", "neurox_gpu_busy_seconds_total", 0),
    ],
)
def test_a_driver_that_lacks_a_symbol_is_asked_in_the_older_way(
    devices: Devices, scenario: Put, symbol: str, name: str, value: float
) -> None:
    keys = "temperature_celsius = 61\npower_watts = 200\nfan_speed = 0.3\nclock_event = power_cap"
    scenario(f"{HEAD}missing = {symbol}\n" + one(0, keys))
    values = devices.read(0.0)[0].gpu.values
    assert max(found for (known, _), found in values.items() if known == name) == value
    assert not devices.errors


def test_without_the_newer_call_no_reserved_memory_is_made_up(
    devices: Devices, scenario: Put
) -> None:
    scenario(f"{HEAD}missing = nvmlDeviceGetMemoryInfo_v2\n" + one(0, "reserved_bytes = 1000"))
    values = devices.read(0.0)[0].gpu.values
    assert values["neurox_gpu_memory_used_bytes", ()] == 1000, "as that driver tells it"
    assert ("neurox_gpu_memory_reserved_bytes", ()) not in values


def test_the_first_xid_is_counted_and_those_of_a_lost_gpu_stay(
    devices: Devices, scenario: Put
) -> None:
    scenario(HEAD + one(0, "xid = 1 79"))
    uses = until(devices, lambda uses: XID_79 in uses[0].gpu.values)
    assert uses[0].gpu.values[XID_79] == 1
    assert uses[0].gpu.values["neurox_gpu_health", ("xid",)] == 2
    scenario(HEAD + one(0, "xid = 1 79\nxid = 2 79\nlost = yes"))
    devices.read(time.monotonic())
    scenario(HEAD + one(0, "xid = 1 79\nxid = 2 79"))
    until(devices, lambda uses: uses[0].gpu.values.get(XID_79) == 2)


def test_mig_that_is_switched_on_and_off_is_followed(devices: Devices, scenario: Put) -> None:
    def put(clock: int, more: str = "") -> GpuUse:
        head = f"clock = {clock}\n{HEAD}[gpu 0]\nprofile = h100\nuuid = {uuid(0)}\n"
        scenario(head + more)
        return devices.read(float(clock))[0]

    assert UTILIZATION in put(100).gpu.values
    layout = "mig = 1 0 3g.40gb\nmig = 2 0 3g.40gb\nprocess = 1 1000 0.1 gi 2\n"
    use = put(111, layout)
    assert use.gpu.identity.mig == "enabled"
    assert [(mig.gi, mig.slices, len(mig.devices)) for mig in use.gpu.migs] == [
        (1, 3, 1),
        (2, 3, 1),
    ]
    assert use.gpu.migs[1].values["neurox_mig_memory_used_bytes", ()] == 1000
    assert [(process.pid, process.gi) for process in use.processes or ()] == [(1, 2)]
    gpu = put(112, layout).gpu
    assert UTILIZATION not in gpu.values
    assert gpu.migs[1].values["neurox_mig_sm_active_ratio", ()] > 0
    off = put(123).gpu
    assert (off.migs, off.identity.mig) == ((), "disabled")
    assert UTILIZATION in put(124).gpu.values


def test_graphics_processes_are_listed_where_a_display_is(devices: Devices, scenario: Put) -> None:
    draws = "process = 1 5 0 graphics\n"
    scenario(HEAD + one(0, draws) + one(1))
    drawing, computing = devices.read(0.0)
    assert [(one.pid, one.kind) for one in drawing.processes or ()] == [(1, "graphics")]
    assert computing.processes == ()


def test_where_processes_cannot_be_seen_they_are_not_asked_for(scenario: Put) -> None:
    scenario(HEAD + one(0, "process = 1 5 0"))
    devices = Devices(Driver(), None)
    try:
        assert devices.read(0.0)[0].processes is None
        assert not devices.errors
    finally:
        devices.close()


def test_bytes_of_nvlink_are_counted_over_all_links(devices: Devices, scenario: Put) -> None:
    rates = "nvlinks = 4\nnvlink_tx_bytes_per_second = 1000\nnvlink_rx_bytes_per_second = 2000"
    for clock in (100, 120):
        scenario(f"clock = {clock}\n{HEAD}" + one(0, rates))
        values = devices.read(float(clock))[0].gpu.values
    assert values["neurox_gpu_nvlink_bytes_total", ("transmit",)] == pytest.approx(20000, abs=1024)
    assert values["neurox_gpu_nvlink_bytes_total", ("receive",)] == pytest.approx(40000, abs=1024)


LINKS = ("pcie", "nvlink")


@pytest.mark.parametrize("failed", [range(0), range(1), range(10, 11)])
def test_bytes_are_counted_once_by_whom_ever(
    devices: Devices, scenario: Put, failed: range
) -> None:
    gpu = f"[gpu 0]\nprofile = h200\nuuid = {uuid(0)}\n"
    rates = "".join(f"{link}_tx_bytes_per_second = 1e9\n" for link in LINKS)
    found = []
    for second in range(42):
        fail = "fail = nvmlDeviceGetFieldValues 4\n" if second in failed else ""
        scenario(f"clock = {100 + second}\n{HEAD}{fail}{gpu}{rates}")
        values = devices.read(float(second))[0].gpu.values
        found.append(
            [values.get((f"neurox_gpu_{link}_bytes_total", ("transmit",))) for link in LINKS]
        )
    for first, last in zip(found[1], found[-1], strict=True):
        assert first is not None
        assert last is not None
        assert 38e9 <= last - first <= 41e9  # the fields are read each ten seconds


def test_profiling_is_back_once_mig_is_off(devices: Devices, scenario: Put) -> None:
    def put(clock: int, more: str = "") -> GpuUse:
        head = f"clock = {clock}\n{HEAD}[gpu 0]\nprofile = h100\nuuid = {uuid(0)}\n"
        scenario(head + more)
        return devices.read(float(clock))[0]

    active: Series = ("neurox_gpu_sm_active_ratio", ())
    put(100)
    assert active in put(101).gpu.values
    layout = "mig = 1 0 3g.40gb\nfail = nvmlGpmSampleGet 3\n"
    put(111, layout)
    assert active not in put(112, layout).gpu.values
    put(123)
    assert active in put(124).gpu.values


def test_an_instance_that_went_away_is_missed_at_once(devices: Devices, scenario: Put) -> None:
    profile = f"{HEAD}[gpu 0]\nprofile = h100\nuuid = {uuid(0)}\nmig = 1 0 3g.40gb\n"
    scenario(profile + "mig = 2 0 3g.40gb\n")
    assert [mig.gi for mig in devices.read(0.0)[0].gpu.migs] == [1, 2]
    scenario(profile)
    devices.read(1.0)
    assert [mig.gi for mig in devices.read(2.0)[0].gpu.migs] == [1]
    failed = devices.errors.total()
    devices.read(3.0)
    assert devices.errors.total() == failed


def test_the_slower_tiers_take_turns(devices: Devices, scenario: Put) -> None:
    keys = "performance_state = {}"
    state: Series = ("neurox_gpu_performance_state", ())
    scenario(HEAD + one(0, keys.format(2)) + one(1, keys.format(2)))
    devices.read(0.0)
    scenario(HEAD + one(0, keys.format(8)) + one(1, keys.format(8)))
    assert [use.gpu.values[state] for use in devices.read(4.0)] == [2, 2]
    assert [use.gpu.values[state] for use in devices.read(5.0)] == [8, 2]
    assert [use.gpu.values[state] for use in devices.read(10.0)] == [8, 8]


def test_a_list_of_processes_that_failed_is_asked_for_again_with_the_next_pass(
    devices: Devices, scenario: Put
) -> None:
    mine = one(0, f"process = {os.getpid()} 1000 0.5")
    scenario(f"{HEAD}fail = nvmlDeviceGetComputeRunningProcesses_v3 999\n{mine}")
    assert devices.read(0.0)[0].processes is None
    scenario(HEAD + mine)
    listed = devices.read(1.0)[0].processes
    assert listed is not None
    assert [process.pid for process in listed] == [os.getpid()]
    assert devices.read(2.0)[0].processes is listed
