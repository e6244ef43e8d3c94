"""Samples of use and of processes, by a clock that stands where the test puts it."""

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pynvml
import pytest

from agent.nvml.errors import Errors
from agent.nvml.samples import ActivitySamples, BusySamples, _shares

Put = Callable[[str], None]
UUID = "GPU-00000000-0000-0000-0000-000000000000"


@pytest.fixture
def at(scenario: Put) -> Iterator[Callable[..., None]]:
    def put(clock: float, more: str, head: str = "") -> None:
        scenario(
            f"clock = {clock}\ndriver = 580.95.05\n{head}[gpu 0]\nuuid = {UUID}\n"
            f"model = NVIDIA H200\nmemory_bytes = 1000000\n{more}"
        )

    put(1000, "")
    pynvml.nvmlInit()
    yield put
    pynvml.nvmlShutdown()


def clock(seconds: float) -> Callable[[], float]:
    """The agent's, which nobody sets."""
    return lambda: seconds


def gpu() -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def test_busy_time_is_the_sum_of_all_samples(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    at(1000, "utilization = 0.25")
    busy = BusySamples(gpu())
    assert busy.seconds(clock(0), errors) == 0, "what was before the agent is not counted"
    at(1004, "utilization = 0.25")
    assert busy.seconds(clock(4), errors) == pytest.approx(1.0, rel=0.01)
    assert busy.mean == pytest.approx(0.25)
    assert busy.seconds(clock(4), errors) == 0
    assert busy.mean is None, "no sample is no idleness"
    at(1005, "utilization = 0.25")
    assert busy.seconds(clock(5), errors) == pytest.approx(0.25, rel=0.05)
    assert not errors


def test_a_clock_that_was_set_forward_makes_no_busy_time(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    busy = BusySamples(gpu())
    at(1000, "utilization = 0.5")
    busy.seconds(clock(0), errors)
    at(1001 + 9, "utilization = 0.5")
    assert busy.seconds(clock(1), errors) == pytest.approx(0.5, abs=0.01)
    assert busy.mean == pytest.approx(0.5, abs=0.01)
    at(1002 + 9, "utilization = 0.5")
    assert busy.seconds(clock(2), errors) == pytest.approx(0.5, abs=0.01)


def test_samples_that_come_late_count_in_full(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    busy = BusySamples(gpu())
    at(1000, "utilization = 0.5")
    busy.seconds(clock(0), errors)
    at(1001, "utilization = 0.5", "fail = nvmlDeviceGetSamples 999\n")
    assert busy.seconds(clock(1), errors) is None
    at(1005, "utilization = 0.5")
    assert busy.seconds(clock(5), errors) == pytest.approx(2.5, abs=0.01)


def test_a_clock_that_was_set_back_does_not_silence_the_samples(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    text, now = "utilization = 0.5\nprocess = 11 1000 0.4\n", time.time()
    at(now + 3600, text)
    busy, activity = BusySamples(gpu()), ActivitySamples(gpu())
    busy.seconds(clock(0), errors)
    activity.shares(0.0, errors)
    for passed in range(4):
        at(now + passed, text)
        seconds = busy.seconds(clock(1.0 + passed), errors)
        shares = activity.shares(1.0 + passed, errors)
    assert seconds == pytest.approx(0.5, abs=0.1)
    assert shares == {11: pytest.approx(0.4, abs=0.1)}
    assert not errors


def test_without_samples_busy_time_is_not_told(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    at(1000, "")
    busy = BusySamples(gpu())
    assert busy.seconds(clock(0), errors) is None
    assert busy.ended
    assert not errors


@pytest.mark.parametrize("missing", ["", "missing = nvmlDeviceGetProcessesUtilizationInfo\n"])
def test_each_process_has_its_share_of_the_time(at: Callable[..., None], missing: str) -> None:
    errors: Errors = Counter()
    text = "utilization = 0.9\nprocess = 11 1000 0.6\nprocess = 12 1000 0.305\n"
    at(1000, text, missing)
    activity = ActivitySamples(gpu())
    assert activity.shares(0.0, errors) is None, "the first answer is of an unknown time"
    at(1010, text, missing)
    shares = activity.shares(10.0, errors)
    assert shares == {11: pytest.approx(0.6, abs=0.01), 12: pytest.approx(0.305, abs=0.01)}
    assert not errors


def test_between_two_samples_of_the_driver_the_last_shares_stand(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    at(1000, "process = 11 1000 0.6\n")
    activity = ActivitySamples(gpu())
    activity.shares(0.0, errors)
    at(1001, "process = 11 1000 0.6\n")
    shares = activity.shares(1.0, errors)
    assert shares == {11: pytest.approx(0.6, abs=0.01)}
    assert activity.shares(1.1, errors) == shares
    assert activity.shares(3.0, errors) == {}, "silence for longer than any driver's period"


def test_nobody_at_work_is_no_error(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    at(1000, "utilization = 0\n")
    activity = ActivitySamples(gpu())
    activity.shares(0.0, errors)
    at(1001, "utilization = 0\n")
    assert activity.shares(1.0, errors) == {}
    assert not errors


@pytest.mark.parametrize("missing", ["", "missing = nvmlDeviceGetProcessesUtilizationInfo\n"])
def test_success_without_a_sample_is_nobody_at_work(at: Callable[..., None], missing: str) -> None:
    errors: Errors = Counter()
    call = "nvmlDeviceGetProcessUtilization" if missing else "nvmlDeviceGetProcessesUtilizationInfo"
    empty = f"{missing}fail = {call} 0\n"
    at(1000, "process = 11 1000 0.6\n", missing)
    activity = ActivitySamples(gpu())
    activity.shares(0.0, errors)
    at(1010, "process = 11 1000 0.6\n", missing)
    assert activity.shares(10.0, errors) == {11: pytest.approx(0.6, abs=0.01)}
    at(1020, "process = 11 1000 0\n", empty)
    shares = activity.shares(20.0, errors)
    assert shares is not None
    assert not any(shares.values()), "what the buffer still had is of before"
    assert not errors


def test_neither_call_is_no_error(at: Callable[..., None]) -> None:
    errors: Errors = Counter()
    calls = "nvmlDeviceGetProcessesUtilizationInfo", "nvmlDeviceGetProcessUtilization"
    at(1000, "", "".join(f"missing = {call}\n" for call in calls))
    assert ActivitySamples(gpu()).shares(0.0, errors) is None
    assert not errors


def test_one_sample_of_a_process_stands_for_the_whole_time() -> None:
    samples = [(11, 2_000_000, 50), (12, 1_900_000, 20)]
    shares = _shares(samples, 1_000_000, 2_000_000, frozenset((11, 12)))
    assert shares == {11: 0.5, 12: pytest.approx(0.18)}


def test_a_process_that_just_began_did_not_run_before() -> None:
    samples = [(11, 9_000_000, 100), (11, 10_000_000, 100)]
    assert _shares(samples, 0, 10_000_000, frozenset()) == {11: 0.2}
