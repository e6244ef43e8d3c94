"""GPUs and drivers that are away, and come back."""

import threading

import pytest

from agent import devices as module
from agent.catalogue import BUSY_SECONDS, ENERGY, UTILIZATION, Series
from agent.devices import DRAINED, Devices
from agent.health import UNCORRECTED
from tests.agent.gpus import HEAD, Put, one, until, ups, uuid

LOST: Series = ("neurox_gpu_health", ("lost",))


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


def test_what_a_gpu_did_not_tell_of_itself_is_an_error_and_asked_for_again(
    devices: Devices, scenario: Put
) -> None:
    fails = "fail = nvmlDeviceGetName 999\nfail = nvmlDeviceGetPciInfo_v3 4\n"
    scenario(HEAD + fails + one(0, "pci_bus_id = 00000000:18:00.0"))
    who = devices.read(0.0)[0].gpu.identity
    assert (who.uuid, who.model, who.pci_bus_id) == (uuid(0), "", "")
    assert devices.errors["nvmlDeviceGetName", "unknown"] >= 1
    assert devices.errors["nvmlDeviceGetPciInfo_v3", "no_permission"] >= 1
    scenario(HEAD + one(0, "pci_bus_id = 00000000:18:00.0"))
    who = devices.read(61.0)[0].gpu.identity
    assert (who.model, who.pci_bus_id) == ("NVIDIA H200", "00000000:18:00.0")


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


@pytest.mark.parametrize(
    "symbol",
    [
        "nvmlDeviceGetCount_v2",
        "nvmlSystemGetDriverVersion",
        "nvmlDeviceGetHandleByIndex_v2",
        "nvmlDeviceGetUUID",
    ],
)
def test_a_driver_without_a_function_that_is_needed_is_told_by_its_name(
    devices: Devices, scenario: Put, caplog: pytest.LogCaptureFixture, symbol: str
) -> None:
    scenario(f"{HEAD}missing = {symbol}\n" + one(0))
    tried = []
    for second in range(40):
        before = len(caplog.messages)
        assert devices.read(float(second)) == ()
        if len(caplog.messages) > before:
            tried.append(second)
    assert devices.problem == f"libnvidia-ml.so.1 has no {symbol}: install a newer NVIDIA driver"
    assert tried == [0, 1, 3, 7, 15, 31]


def test_a_gpu_that_is_lost_from_the_first_is_told(
    devices: Devices, scenario: Put, caplog: pytest.LogCaptureFixture
) -> None:
    scenario(HEAD + one(0) + one(1, "lost = yes"))
    devices.read(0.0)
    devices.read(1.0)
    told = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert told == ["GPU 1 is lost: nvmlDeviceGetHandleByIndex_v2 answers gpu_is_lost"]


def test_a_driver_that_is_loaded_anew_is_opened_in_the_same_pass(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_FIRST_SECONDS", 0.0)
    scenario(HEAD + "reload = 1\n" + one(0))
    assert ups(devices.read(0.0)) == [True]
    scenario(HEAD + "reload = 2\n" + one(0))
    assert ups(devices.read(1.0)) == [True]
    assert devices.problem is None


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


def test_health_forgets_memory_errors_of_before_a_reload(devices: Devices, scenario: Put) -> None:
    ecc = "ecc_enabled = yes\necc = uncorrected volatile {}"
    told = []
    for at, (reload, count) in enumerate(((1, 0), (1, 3), (2, 0), (2, 1))):
        scenario(f"{HEAD}reload = {reload}\n" + one(0, ecc.format(count)))
        now = 100.0 * at
        values = (devices.read(now) or devices.read(now + 30.0))[0].gpu.values
        told.append((values[UNCORRECTED], values["neurox_gpu_health", ("ecc",)]))
    assert told == [(0, 0), (3, 1), (3, 0), (4, 1)]


def test_the_pause_between_two_tries_doubles_up_to_half_a_minute(
    devices: Devices, scenario: Put, caplog: pytest.LogCaptureFixture
) -> None:
    tried = []
    for second in range(100):
        before = len(caplog.messages)
        assert devices.read(float(second)) == ()
        if len(caplog.messages) > before:
            tried.append(second)
    assert tried == [0, 1, 3, 7, 15, 31, 61, 91]
    scenario(HEAD + one(0))
    assert devices.read(120.0) == ()
    assert ups(devices.read(121.0)) == [True]


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
