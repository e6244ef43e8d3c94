"""The MIG devices of a GPU, as a driver tells them and as a broken one does."""

from collections import Counter
from collections.abc import Callable, Iterator

import pynvml
import pytest

from agent.nvml.errors import Errors
from agent.nvml.mig import grouped, instances
from agent.snapshot import MigDevice

Put = Callable[..., None]
CUT = "mig = 1 0 1c.3g.40gb\nmig = 1 1 2c.3g.40gb\nmig = 2 0 2g.20gb\n"


@pytest.fixture
def started(scenario: Callable[[str], None]) -> Iterator[Put]:
    def put(more: str = "", head: str = "") -> None:
        uuid = "uuid = GPU-00000000-0000-0000-0000-000000000000"
        scenario(f"driver = 580.95.05\n{head}[gpu 0]\nprofile = h100\n{uuid}\n{CUT}{more}")

    put()
    pynvml.nvmlInit()
    yield put
    pynvml.nvmlShutdown()


def gpu() -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def test_devices_are_put_together_by_gpu_instance_and_missing_numbers_are_no_failure(
    started: Put,
) -> None:
    errors: Errors = Counter()
    first, second = instances(gpu(), errors)
    assert [(one.gi, one.ci, one.profile) for one in first.devices] == [
        (1, 0, "1c.3g.40gb"),
        (1, 1, "2c.3g.40gb"),
    ]
    assert (first.slices, len(first.handles), second.slices) == (3, 2, 2)
    assert not errors


def test_a_handle_that_is_refused_is_counted(started: Put) -> None:
    call = "nvmlDeviceGetMigDeviceHandleByIndex"
    started(f"fail = {call} 4\n")
    errors: Errors = Counter()
    assert instances(gpu(), errors) == ()
    assert errors == {(call, "no_permission"): 7}


def test_more_devices_than_can_be_cost_no_more_than_a_bounded_number_of_calls(started: Put) -> None:
    call = "nvmlDeviceGetMigDeviceHandleByIndex"
    started(f"fail = {call} 4\n", head="overcount = 999999\n")
    errors: Errors = Counter()
    assert instances(gpu(), errors) == ()
    assert errors == {(call, "no_permission"): 64}


def test_a_device_that_is_told_twice_counts_once() -> None:
    one, other = (MigDevice(f"MIG-{ci}", 1, ci, "1c.3g.40gb") for ci in (0, 1))
    (instance,) = grouped([(one, 3, "a"), (one, 3, "b"), (other, 3, "c")])
    assert instance.devices == (one, other)
    assert instance.handles == ("a", "c")
