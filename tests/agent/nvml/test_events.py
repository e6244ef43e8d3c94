"""XIDs of the simulated driver, as its events bring them."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pynvml
import pytest

from agent.nvml import events as module
from agent.nvml.events import XidEvents
from agent.nvml.library import call
from agent.xids import XidTally

Put = Callable[[str], None]


def uuid(index: int) -> str:
    return f"GPU-00000000-0000-0000-0000-00000000000{index}"


def text(*gpus: str, head: str = "") -> str:
    blocks = [
        f"[gpu {i}]\nuuid = {uuid(i)}\nmodel = NVIDIA H200\nmemory_bytes = 1000000\n{more}\n"
        for i, more in enumerate(gpus)
    ]
    return f"driver = 580.95.05\n{head}" + "".join(blocks)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if true():
            return
        threading.Event().wait(0.02)
    raise AssertionError


def count(tally: XidTally, gpu: int, code: int) -> int:
    seen = tally.seen(uuid(gpu)).get(str(code))
    return seen.count if seen else 0


@pytest.fixture
def started(scenario: Put) -> Iterator[Put]:
    scenario(text("", ""))
    pynvml.nvmlInit()
    yield scenario
    pynvml.nvmlShutdown()


def test_events_are_counted_by_gpu_and_code_from_the_first(started: Put) -> None:
    started(text("xid = 1 31", ""))
    tally = XidTally()
    began = time.time()
    events = XidEvents(2, tally)
    until(lambda: count(tally, 0, 31) == 1)
    started(text("xid = 1 31", "xid = 1 79\nxid = 2 79\nxid = 3 48"))
    until(lambda: count(tally, 1, 48) == 1)
    assert (count(tally, 0, 31), count(tally, 1, 79)) == (1, 2)
    assert began <= tally.seen(uuid(0))["31"].last <= time.time()
    assert events.end(5)


def test_a_lost_gpu_does_not_stop_the_events_of_others(started: Put) -> None:
    tally = XidTally()
    events = XidEvents(2, tally)
    events.wait_registered(5)
    started(text("lost = yes", ""))
    started(text("lost = yes", "xid = 1 31"))
    until(lambda: count(tally, 1, 31) == 1)
    assert events.end(5)


def test_a_flood_is_counted_whole_and_does_not_keep_it_from_ending(started: Put) -> None:
    tally = XidTally()
    events = XidEvents(2, tally)
    events.wait_registered(5)
    for burst in range(10):
        flood = "\n".join(f"xid = {burst * 60 + serial} 13" for serial in range(1, 61))
        started(text(flood, ""))
        expected = (burst + 1) * 60
        until(lambda expected=expected: count(tally, 0, 13) == expected)  # type: ignore[misc]
    assert events.end(5)


def test_it_ends_by_itself_when_the_driver_is_loaded_anew(started: Put) -> None:
    events = XidEvents(2, XidTally())
    events.wait_registered(5)
    started(text("", "", head="reload = 1\n"))
    until(lambda: not [one for one in threading.enumerate() if one.name == "xids"])
    assert events.end(0)
    pynvml.nvmlInit()


def test_a_driver_without_events_is_no_error(started: Put) -> None:
    started(text("", "", head="missing = nvmlEventSetCreate\n"))
    events = XidEvents(2, XidTally())
    until(lambda: not [one for one in threading.enumerate() if one.name == "xids"])
    assert events.end(0)
    assert events.late(time.monotonic() + 10) is None


def test_a_wait_that_hangs_is_left_behind_and_told(started: Put) -> None:
    started(text("", "", head="delay = nvmlEventSetWait_v2 2\n"))
    events = XidEvents(2, XidTally())
    events.wait_registered(5)
    until(lambda: events.late(time.monotonic() + 10) is not None)
    assert events.stuck == 0
    assert not events.end(0.1)
    until(lambda: events.end(0.1))


def test_a_gpu_whose_registration_hangs_keeps_no_others_events_away(
    started: Put, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.2)
    monkeypatch.setattr("agent.watchdog.HUNG_SECONDS", 0.3)
    started(text("delay = nvmlDeviceRegisterEvents 3", "xid = 1 31"))
    tally = XidTally()
    events = XidEvents(2, tally)
    until(lambda: count(tally, 1, 31) == 1)
    until(lambda: events.stuck == 1)
    told = "events: GPU 0: nvmlDeviceRegisterEvents has not come back; its XIDs are not counted"
    assert [one.message for one in caplog.records if one.message.startswith("events")] == [
        f"{told} until it does"
    ]
    started(text("xid = 1 79", "xid = 1 31"))
    until(lambda: count(tally, 0, 79) == 1)
    until(lambda: events.stuck == 0)
    assert events.end(5)


def test_it_ends_in_time_while_gpus_hang(started: Put, caplog: pytest.LogCaptureFixture) -> None:
    started(text(*["delay = nvmlDeviceRegisterEvents 5"] * 9))
    events = XidEvents(9, XidTally())
    until(lambda: "has not come back" in caplog.text)
    assert events.end(4)


def test_a_gpu_that_does_not_tell_its_uuid_is_registered_again(
    started: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.1)
    started(text("fail = nvmlDeviceGetUUID 999", ""))
    tally = XidTally()
    events = XidEvents(2, tally)
    events.wait_registered(5)
    started(text("xid = 1 79", ""))
    until(lambda: count(tally, 0, 79) == 1)
    assert events.end(5)


@pytest.mark.parametrize(
    ("fail", "told", "most"),
    [
        ("nvmlEventSetWait_v2 10", [], 4),
        ("nvmlEventSetWait_v2 999", ["events: Unknown Error; trying again"], 6),
        ("nvmlEventSetWait_v2 15", ["events: GPU is lost; the other GPUs go on"], 6),
        ("nvmlEventSetCreate 999", ["events: Unknown Error; trying again"], 6),
    ],
)
def test_a_driver_that_fails_at_once_takes_no_core_and_is_told_once(
    started: Put,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fail: str,
    told: list[str],
    most: int,
) -> None:
    """Timeout (10), of which a driver says that it is over, at once too."""
    asked = []

    def counted(name: str, *arguments: Any) -> Any:
        asked.append(name)
        return call(name, *arguments)

    monkeypatch.setattr(module, "call", counted)
    started(text("", head=f"fail = {fail}\n"))
    events = XidEvents(1, XidTally())
    threading.Event().wait(1.5)
    assert [record.message for record in caplog.records] == told
    assert asked.count("nvmlEventSetWait_v2") <= most
    assert events.late(time.monotonic()) is None
    assert events.end(5)
