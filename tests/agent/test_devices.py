"""Devices on the real ctypes path, with a clock of the test's own."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from agent import devices as module
from agent.catalogue import BUSY_SECONDS, ENERGY, POWER, UTILIZATION, Series
from agent.devices import DRAINED, Devices
from agent.nvml.driver import Driver
from agent.snapshot import GpuUse

Put = Callable[[str], None]
HEAD = "driver = 580.95.05\n"
LOST: Series = ("neurox_gpu_health", ("lost",))
XID_79: Series = ("neurox_gpu_xid_errors_total", ("79",))


def uuid(index: int) -> str:
    return f"GPU-00000000-0000-0000-0000-00000000000{index}"


def one(index: int, more: str = "") -> str:
    return (
        f"[gpu {index}]\nuuid = {uuid(index)}\n"
        f"model = NVIDIA H200\nmemory_bytes = 1000000\nutilization = 0.5\n{more}\n"
    )


@pytest.fixture
def devices(scenario: Put, patient: None) -> Iterator[Devices]:
    devices = Devices(Driver())
    yield devices
    devices.close()


def until(devices: Devices, true: Callable[[tuple[GpuUse, ...]], bool]) -> tuple[GpuUse, ...]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        uses = devices.read(time.monotonic())
        if true(uses):
            return uses
        threading.Event().wait(0.02)
    raise AssertionError(uses)


def ups(uses: tuple[GpuUse, ...]) -> list[bool]:
    return [use.gpu.up for use in uses]


def test_busy_seconds_and_energy_are_counters(devices: Devices, scenario: Put) -> None:
    scenario("clock = 100\n" + HEAD + one(0, "power_watts = 200\nenergy_joules = 50"))
    first = devices.read(100.0)[0].gpu.values
    scenario("clock = 102\n" + HEAD + one(0, "power_watts = 200"))
    second = devices.read(102.0)[0].gpu.values
    assert second[BUSY_SECONDS] - first[BUSY_SECONDS] == pytest.approx(1.0, abs=0.01)
    assert (first[ENERGY], second[ENERGY]) == (0, 400)


def test_counters_do_not_go_back_over_a_reload(devices: Devices, scenario: Put) -> None:
    head = HEAD + "clock = {clock}\nreload = {reload}\n"
    text = head + one(0, "power_watts = 200\npcie_replays = {replays}")
    totals = []
    for clock, reload, replays in ((100, 1, 4), (110, 1, 6), (120, 2, 0), (132, 2, 3)):
        scenario(text.format(clock=clock, reload=reload, replays=replays))
        uses = devices.read(float(clock)) or devices.read(clock + 1.0)
        values = uses[0].gpu.values
        replayed = values["neurox_gpu_pcie_replays_total", ()]
        totals.append((values[ENERGY], values[BUSY_SECONDS], replayed))
    assert totals == sorted(totals)
    assert [replayed for _, _, replayed in totals] == [4, 6, 6, 9]
    assert totals[1][0] == 2000
    assert totals[3][0] - totals[2][0] == 2400


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


@pytest.mark.parametrize(
    ("lost_how", "error"), [("yes", "gpu_is_lost"), ("reset", "reset_required")]
)
def test_a_lost_gpu_keeps_its_name_and_comes_back(
    devices: Devices, scenario: Put, lost_how: str, error: str
) -> None:
    scenario(HEAD + one(0) + one(1))
    before = devices.read(0.0)
    scenario(HEAD + one(0) + one(1, f"lost = {lost_how}"))
    alive, lost = (use.gpu for use in devices.read(1.0))
    assert alive.up
    assert alive.values[UTILIZATION] == 0.5
    assert (lost.up, lost.identity) == (False, before[1].gpu.identity)
    assert lost.values[LOST] == 2
    assert UTILIZATION not in lost.values
    assert [why for _, why in devices.errors] == [error]
    assert all(call.startswith("nvml") for call, _ in devices.errors)
    scenario(HEAD + one(0) + one(1))
    assert devices.read(2.0)[1].gpu.up


def test_a_gpu_that_the_driver_counts_no_more_is_down(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + "reload = 1\n" + one(0) + one(1))
    devices.read(0.0)
    scenario(HEAD + "reload = 2\n" + one(0))
    uses = devices.read(1.0) or devices.read(3.0)
    assert [(use.gpu.identity.uuid, use.gpu.up) for use in uses] == [
        (uuid(0), True),
        (uuid(1), False),
    ]


def test_without_a_driver_it_says_why_and_tries_again_later(
    devices: Devices, scenario: Put
) -> None:
    assert devices.read(0.0) == ()
    assert devices.problem == "libnvidia-ml.so.1 answers: Driver Not Loaded"
    scenario(HEAD + one(0))
    assert devices.read(0.5) == ()
    assert len(devices.read(1.5)) == 1
    assert devices.problem is None


def test_a_gpu_that_hangs_is_down_alone_until_it_comes_back(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(module, "HUNG_SECONDS", 0.2)
    monkeypatch.setattr("agent.watchdog.HUNG_SECONDS", 0.2)
    scenario(HEAD + one(0) + one(1))
    before = devices.read(time.monotonic())
    scenario(HEAD + one(0, "delay = nvmlDeviceGetUtilizationRates 1.5") + one(1))
    held = devices.read(time.monotonic())
    assert held[0].gpu.values == before[0].gpu.values, "a slow GPU is not yet down"
    uses = until(devices, lambda uses: ups(uses) == [False, True])
    assert uses[0].gpu.identity == before[0].gpu.identity
    assert uses[1].gpu.values[UTILIZATION] == 0.5
    assert devices.stuck == 1
    assert devices.errors["nvmlDeviceGetUtilizationRates", "hung"] == 1
    scenario(HEAD + one(0) + one(1))
    until(devices, lambda uses: ups(uses) == [True, True])
    assert devices.stuck == 0


def test_a_start_that_hangs_says_so_and_ends_well(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HUNG_SECONDS", 0.1)
    scenario(HEAD + "delay = nvmlInitWithFlags 1\n" + one(0))
    assert devices.read(time.monotonic()) == ()
    assert devices.problem == "the driver: nvmlInitWithFlags has not come back"
    scenario(HEAD + one(0))
    until(devices, lambda uses: ups(uses) == [True])
    assert devices.problem is None


def test_drained_it_lets_go_and_takes_the_driver_again(devices: Devices, scenario: Put) -> None:
    scenario(HEAD + one(0))
    assert ups(devices.read(0.0)) == [True]
    devices.drained = True
    assert devices.read(1.0) == ()
    assert devices.problem == DRAINED
    assert not [thread for thread in threading.enumerate() if thread.name == "xids"]
    devices.drained = False
    assert ups(devices.read(2.0)) == [True]
    assert devices.problem is None


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


def test_a_driver_that_is_loaded_anew_is_opened_in_the_same_pass(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST_SECONDS", 0.0)
    scenario(HEAD + "reload = 1\n" + one(0))
    assert ups(devices.read(0.0)) == [True]
    scenario(HEAD + "reload = 2\n" + one(0))
    assert ups(devices.read(1.0)) == [True]
    assert devices.problem is None


def test_drained_with_a_call_that_hangs_it_says_what_holds_the_driver(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr("agent.watchdog.HUNG_SECONDS", 0.1)
    scenario(HEAD + one(0))
    devices.read(0.0)
    scenario(HEAD + one(0, "delay = nvmlDeviceGetUtilizationRates 1.5"))
    devices.read(1.0)
    until(devices, lambda _: devices.stuck == 1)
    devices.drained = True
    assert devices.read(2.0) == ()
    assert devices.problem == f"{DRAINED}; a call that hangs still holds it"
    until(devices, lambda _: devices.problem == DRAINED)


def test_bytes_of_nvlink_are_counted_over_all_links(devices: Devices, scenario: Put) -> None:
    rates = "nvlinks = 4\nnvlink_tx_bytes_per_second = 1000\nnvlink_rx_bytes_per_second = 2000"
    for clock in (100, 120):
        scenario(f"clock = {clock}\n{HEAD}" + one(0, rates))
        values = devices.read(float(clock))[0].gpu.values
    assert values["neurox_gpu_nvlink_bytes_total", ("transmit",)] == pytest.approx(20000, abs=1024)
    assert values["neurox_gpu_nvlink_bytes_total", ("receive",)] == pytest.approx(40000, abs=1024)


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
