"""Windows of the simulated driver's GPM, by a clock that the scenario sets."""

from collections import Counter
from collections.abc import Callable, Iterator

import pynvml
import pytest

from agent.instances import MigReader
from agent.nvml.errors import Errors
from agent.nvml.gpm import MOST_SECONDS, Window, is_supported, question

UUID = "GPU-00000000-0000-0000-0000-000000000000"
SM = 2
At = Callable[..., None]


@pytest.fixture
def at(scenario: Callable[[str], None]) -> Iterator[At]:
    def put(clock: float, more: str = "", profile: str = "h200") -> None:
        gpu = f"[gpu 0]\nprofile = {profile}\nuuid = {UUID}\n{more}"
        scenario(f"clock = {clock}\ndriver = 580.95.05\n{gpu}")

    put(1000)
    pynvml.nvmlInit()
    yield put
    pynvml.nvmlShutdown()


def gpu() -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def test_a_window_is_the_mean_since_the_last_sample(at: At) -> None:
    errors: Errors = Counter()
    window, asked = Window(gpu()), question([SM])
    at(1000, "sm_active = 0.25\n")
    assert window.read(asked, 0.0, errors) is None, "one sample is no window"
    at(1010, "sm_active = 0.75\n")
    assert window.read(asked, 10.0, errors) == ({SM: pytest.approx(25)}, 10.0)
    at(1020, "sm_active = 0.75\n")
    assert window.read(asked, 20.0, errors) == ({SM: pytest.approx(75)}, 10.0)
    window.free()
    assert not errors


def test_samples_too_near_or_too_far_apart_make_no_window(at: At) -> None:
    errors: Errors = Counter()
    window, asked = Window(gpu()), question([SM])
    window.read(asked, 0.0, errors)
    at(1000.05)
    assert window.read(asked, 0.05, errors) is None
    assert window.fresh(0.05)
    at(2000)
    assert window.read(asked, MOST_SECONDS + 1, errors) is None
    at(2001)
    assert window.read(asked, MOST_SECONDS + 2, errors) is not None
    window.free()


def test_a_gpu_before_hopper_has_none(at: At) -> None:
    at(1000, profile="a100")
    errors: Errors = Counter()
    assert not is_supported(gpu(), errors)
    window = Window(gpu())
    assert window.read(question([SM]), 0.0, errors) is None
    assert window.ended
    assert not errors


def test_a_refused_sample_is_counted_and_tried_again(at: At) -> None:
    errors: Errors = Counter()
    window, asked = Window(gpu()), question([SM])
    at(1000, "fail = nvmlGpmSampleGet 4\n")
    assert window.read(asked, 0.0, errors) is None
    assert errors == {("nvmlGpmSampleGet", "no_permission"): 1}
    at(1001)
    window.read(asked, 1.0, errors)
    at(1002)
    assert window.read(asked, 2.0, errors) is not None
    window.free()


def test_an_instance_that_is_made_anew_begins_a_window_of_its_own(at: At) -> None:
    errors: Errors = Counter()
    first, second = (f"mig = 1 0 3g.71gb MIG-{'0' * 8}-0000-0000-0000-{i:012d}\n" for i in (1, 2))
    active = ("neurox_mig_sm_active_ratio", ())
    at(1000, first)
    migs = MigReader(gpu(), gpm=True)
    migs.renew(True, errors)
    migs.read(0.0, errors)
    at(1001, first)
    assert active in migs.read(1.0, errors)[0].values
    at(1002, second)
    migs.renew(True, errors)
    assert active not in migs.read(2.0, errors)[0].values
    at(1003, second)
    assert active in migs.read(3.0, errors)[0].values
    migs.renew(False, errors)
    assert migs.read(4.0, errors) == ()
    migs.free()
    assert not errors
