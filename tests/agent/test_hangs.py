"""A driver whose calls do not come back."""

import time

import pytest

from agent import devices as module
from agent.catalogue import POWER, UTILIZATION
from agent.devices import Devices
from agent.nvml.driver import Driver
from tests.agent.gpus import HEAD, Put, one, until, ups


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
    assert held[0].gpu.values == before[0].gpu.values, "what is younger than 1.5 s stands"
    uses = until(devices, lambda uses: ups(uses) == [False, True])
    assert uses[0].gpu.identity == before[0].gpu.identity
    assert uses[1].gpu.values[UTILIZATION] == 0.5
    assert devices.stuck == 1
    assert devices.errors["nvmlDeviceGetUtilizationRates", "hung"] == 1
    scenario(HEAD + one(0) + one(1))
    until(devices, lambda uses: ups(uses) == [True, True])
    assert devices.stuck == 0


def test_a_slow_gpu_stays_up_without_values_that_are_old(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.5)
    slow = "delay = nvmlDeviceGetUtilizationRates 1.5"
    scenario(HEAD + one(0, "power_watts = 100"))
    before = devices.read(time.monotonic())[0].gpu
    scenario(HEAD + one(0, f"power_watts = 200\n{slow}"))
    devices.read(time.monotonic())  # the power is read now, and told when all of it has come back
    uses = until(devices, lambda uses: POWER not in uses[0].gpu.values)
    assert (uses[0].gpu.up, uses[0].gpu.identity) == (True, before.identity)
    assert uses[0].processes == ()
    assert devices.errors["nvmlDeviceGetUtilizationRates", "slow"] >= 1
    assert devices.stuck == 0
    scenario(HEAD + one(0, "power_watts = 300"))
    uses = until(devices, lambda uses: POWER in uses[0].gpu.values)
    assert uses[0].gpu.values[POWER] == 300, "what came back late is too old"


def test_passes_further_apart_have_more_patience(
    scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    slow = "delay = nvmlDeviceGetUtilizationRates 0.3"
    devices = Devices(Driver(), None, interval=10.0)
    try:
        scenario(HEAD + one(0, "power_watts = 100"))
        devices.read(time.monotonic())
        scenario(HEAD + one(0, f"power_watts = 200\n{slow}"))
        assert devices.read(time.monotonic())[0].gpu.values[POWER] == 200
    finally:
        devices.close()


def test_gpus_that_all_hang_cost_a_pass_no_more_than_one(
    devices: Devices, scenario: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(module, "HUNG_SECONDS", 1.5)
    scenario(HEAD + "".join(map(one, range(8))))
    devices.read(time.monotonic())
    scenario(HEAD + "delay = nvmlDeviceGetUtilizationRates 3\n" + "".join(map(one, range(8))))
    began = time.monotonic()
    devices.read(began)
    assert 0.5 <= time.monotonic() - began < 1
    until(devices, lambda uses: ups(uses) == [False] * 8)


def test_a_count_that_hangs_is_told_and_the_gpus_go_on(
    devices: Devices,
    scenario: Put,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(module, "HUNG_SECONDS", 0.2)
    monkeypatch.setattr("agent.watchdog.HUNG_SECONDS", 0.2)
    scenario(HEAD + one(0))
    devices.read(time.monotonic())
    scenario(HEAD + "delay = nvmlDeviceGetCount_v2 1.5\n" + one(0))
    until(devices, lambda _: devices.stuck == 1)
    assert ups(devices.read(time.monotonic())) == [True]
    assert devices.errors["nvmlDeviceGetCount_v2", "hung"] == 1
    said = "how many GPUs there are: nvmlDeviceGetCount_v2 has not come back for 0 s"
    assert caplog.text.count(said) == 1
    scenario(HEAD + one(0))
    until(devices, lambda _: devices.stuck == 0)


def test_events_that_hang_are_told_and_the_gpus_go_on(
    devices: Devices,
    scenario: Put,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("agent.nvml.events.HUNG_SECONDS", 0.2)
    monkeypatch.setattr(module, "HUNG_SECONDS", 0.2)
    scenario(HEAD + "delay = nvmlEventSetWait_v2 2\n" + one(0))
    until(devices, lambda _: devices.stuck == 1)
    assert ups(devices.read(time.monotonic())) == [True]
    assert devices.errors["nvmlEventSetWait_v2", "hung"] == 1
    said = "events: nvmlEventSetWait_v2 has not come back for 1 s; no XID is counted until it does"
    assert caplog.text.count(said) == 1
    scenario(HEAD + one(0))
    until(devices, lambda _: devices.stuck == 0)


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
