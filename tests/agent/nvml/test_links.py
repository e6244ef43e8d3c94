"""NVLinks of the simulated driver, and the errors that it counts link by link."""

from collections import Counter
from collections.abc import Callable, Iterator

import pynvml
import pytest

from agent.catalogue import Series
from agent.nvml.errors import Errors
from agent.nvml.field_table import FIELDS, NVLINKS
from agent.nvml.links import LINKS_MOST, Links, link_up
from agent.nvml.rows import Readings

Put = Callable[..., None]
EIGHTEEN = {NVLINKS: 18.0}


@pytest.fixture
def started(scenario: Callable[[str], None]) -> Iterator[Put]:
    def put(profile: str, *lines: str) -> None:
        uuid = "uuid = GPU-00000000-0000-0000-0000-000000000000"
        text = ["driver = 580.95.05", "[gpu 0]", f"profile = {profile}", uuid, *lines, ""]
        scenario("\n".join(text))

    put("h100")
    pynvml.nvmlInit()
    yield put
    pynvml.nvmlShutdown()


def gpu() -> object:
    return pynvml.nvmlDeviceGetHandleByIndex(0)


def kinds(values: dict[Series, float]) -> dict[str, float]:
    return {
        labels[0]: count
        for (name, labels), count in values.items()
        if name == "neurox_gpu_nvlink_errors_total"
    }


def test_errors_are_added_up_over_the_links(started: Put) -> None:
    started("h100", "nvlink_error = replay 20", "nvlink_error = data 3", "nvlink_down = 2")
    errors: Errors = Counter()
    found = Links(gpu()).read(EIGHTEEN, errors)
    assert kinds(found) == {"dl_replay": 20, "dl_recovery": 0, "dl_crc": 3}
    assert [found[link_up(link)] for link in (1, 2)] == [1, 0]
    assert not errors


def test_blackwell_has_kinds_of_its_own(started: Put) -> None:
    started("b200", "nvlink_error = receive_remote 4")
    errors: Errors = Counter()
    assert kinds(Links(gpu()).read(EIGHTEEN, errors)) == {}
    readings = Readings(gpu(), (), FIELDS)
    found = kinds(readings.read("S", errors))
    assert len(found) == 12
    assert found["receive_remote"] == 4
    assert not found.keys() & {"crc_flit", "crc_data", "replay", "recovery"}
    assert not errors


def test_without_links_nothing_is_told_and_nothing_fails(started: Put) -> None:
    started("l40s")
    errors: Errors = Counter()
    assert Links(gpu()).read({}, errors) == {}
    assert kinds(Readings(gpu(), (), FIELDS).read("S", errors)) == {}
    assert not errors


def test_a_call_that_fails_makes_no_smaller_sum(started: Put) -> None:
    errors: Errors = Counter()
    links = Links(gpu())
    assert kinds(links.read(EIGHTEEN, errors))
    started("h100", "fail = nvmlDeviceGetFieldValues 4")
    assert kinds(links.read(EIGHTEEN, errors)) == {}
    assert errors == {("nvmlDeviceGetFieldValues", "no_permission"): 1}


@pytest.mark.parametrize("told", [1e9, float(0xFFFFFFFE), 19.0])
def test_more_links_than_there_are_cost_no_more_than_a_bounded_number(
    started: Put, told: float
) -> None:
    found = Links(gpu()).read({NVLINKS: told}, errors := Counter())
    assert len([one for one in found if one[0] == "neurox_gpu_nvlink_up"]) == 18
    assert kinds(found) == {"dl_replay": 0, "dl_recovery": 0, "dl_crc": 0}
    assert sum(errors.values()) == min(told, LINKS_MOST) - 18
