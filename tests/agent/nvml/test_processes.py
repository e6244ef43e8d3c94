"""Process lists of the simulated driver, whose entries are as long as a driver's version says."""

from collections import Counter
from collections.abc import Callable, Iterator

import pynvml
import pytest

from agent.nvml.errors import Errors
from agent.nvml.processes import COMPUTE, MPS, ProcessLists

Put = Callable[[str], None]
GPU = (
    "[gpu 0]\nuuid = GPU-00000000-0000-0000-0000-000000000000\nmodel = NVIDIA H200\n"
    "memory_bytes = 1000000\n"
)
MEMORY = 1000000.0
ALIVE = {11, 12, 13}


@pytest.fixture
def started(scenario: Put) -> Iterator[Put]:
    def put(more: str, head: str = "") -> None:
        scenario(f"driver = 580.95.05\n{head}{GPU}{more}")

    put("")
    pynvml.nvmlInit()
    yield put
    pynvml.nvmlShutdown()


def listed(
    lists: ProcessLists,
    errors: Errors | None = None,
    graphics: bool = False,
    memory: float = MEMORY,
) -> list[tuple[int, int | None, str]] | None:
    handle = pynvml.nvmlDeviceGetHandleByIndex(0)
    found = lists.read([(handle, None)], memory, graphics, Counter() if errors is None else errors)
    return None if found is None else [(p.pid, p.memory_bytes, p.kind) for p in found]


THREE = "process = 11 1000 0.1\nprocess = 12 2000 0.1\nprocess = 13 3000 0.1\n"


@pytest.mark.parametrize("stride", [16, 24, 32])
def test_entries_of_every_length_are_read(started: Put, stride: int) -> None:
    started(THREE, f"process_stride = {stride}\n")
    lists = ProcessLists(ALIVE.__contains__)
    assert listed(lists) == [(11, 1000, "compute"), (12, 2000, "compute"), (13, 3000, "compute")]


def test_processes_that_just_ended_do_not_change_the_stride(started: Put) -> None:
    started(THREE, "process_stride = 32\n")
    alive = set(ALIVE)
    lists = ProcessLists(alive.__contains__)
    first = listed(lists)
    alive.clear()
    assert listed(lists) == first


def test_a_list_that_makes_no_sense_is_left_out_and_counted(started: Put) -> None:
    started(THREE)
    errors: Errors = Counter()
    assert listed(ProcessLists(lambda _: False), errors) is None
    assert errors == {(COMPUTE, "implausible"): 1}


def test_more_memory_than_the_gpu_has_makes_no_sense(started: Put) -> None:
    started("process = 11 2000 0.1\n")
    errors: Errors = Counter()
    assert listed(ProcessLists(ALIVE.__contains__), errors, memory=1999) is None
    assert errors == {(COMPUTE, "implausible"): 1}


def test_an_idle_gpu_has_an_empty_list(started: Put) -> None:
    started("")
    assert listed(ProcessLists(ALIVE.__contains__)) == []


def test_clients_of_mps_are_told_and_graphics_only_where_they_are_asked_for(started: Put) -> None:
    started("process = 11 1000 0.1 mps\nprocess = 12 2000 0.1 graphics\n")
    lists = ProcessLists(ALIVE.__contains__)
    assert listed(lists) == [(11, 1000, "mps")]
    assert listed(lists, graphics=True) == [(11, 1000, "mps"), (12, 2000, "graphics")]


def test_a_long_list_finds_room(started: Put) -> None:
    started("".join(f"process = {pid} 10 0\n" for pid in range(1, 201)))
    found = listed(ProcessLists(lambda _: True))
    assert found is not None
    assert [pid for pid, _, _ in found] == list(range(1, 201))


def test_more_entries_than_there_is_room_for_are_not_read(started: Put) -> None:
    started(THREE, "overcount = 999999\n")
    errors: Errors = Counter()
    assert listed(ProcessLists(ALIVE.__contains__), errors) is None
    assert errors == {(COMPUTE, "implausible"): 1}


def test_without_a_process_the_list_of_mps_is_not_asked_for(started: Put) -> None:
    fails = f"fail = {MPS} 4\n"
    started(fails)
    errors: Errors = Counter()
    lists = ProcessLists(ALIVE.__contains__)
    assert listed(lists, errors) == []
    assert not errors, "a dear call, that has nothing to tell"
    started(f"process = 11 1000 0.1\n{fails}")
    assert listed(lists, errors) == [(11, 1000, "compute")]
    assert errors == {(MPS, "no_permission"): 1}


def test_what_the_driver_does_not_support_is_not_told(started: Put) -> None:
    started(THREE, f"missing = {COMPUTE}\n")
    errors: Errors = Counter()
    assert listed(ProcessLists(ALIVE.__contains__), errors) is None
    assert not errors
