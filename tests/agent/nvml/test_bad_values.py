"""What a broken or malicious driver writes, and what becomes of it: nothing, or a count of it."""

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml
import pytest

from agent.catalogue import Series
from agent.nvml.calls import Row
from agent.nvml.driver import GPUS_MAX, Driver
from agent.nvml.errors import Errors
from agent.nvml.gpm import _values, question
from agent.nvml.samples import BusySamples
from agent.nvml.tables import MIG_ROWS, ROWS

Put = Callable[[str], None]
HEAD = "driver = 580.95.05\n[gpu 0]\nprofile = h200\nuuid = GPU-00000000-0000-0000-0000-0000000000"
NOBODY = 0xFFFFFFFFFFFFFFFF


def row(call: str, rows: tuple[Row, ...] = ROWS) -> Row:
    return next(one for one in rows if one.call == call)


def written(one: Row, *values: object) -> dict[Series, float]:
    """What a row reads where the driver writes numbers, or members of a structure."""
    outputs = [make() for make in one.outputs]
    for output, value in zip(outputs, values, strict=False):
        members = value if isinstance(value, dict) else {"value": value}
        for name, number in members.items():
            setattr(output, name, number)
    return dict(one.read(*outputs))


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("nvmlDeviceGetUtilizationRates", {"gpu": 101, "memory": 2**32 - 1}),
        ("nvmlDeviceGetEncoderUtilization", 101),
        ("nvmlDeviceGetFanSpeed_v2", 2**32 - 2),
        ("nvmlDeviceGetPerformanceState", pynvml.NVML_PSTATE_UNKNOWN),
        ("nvmlDeviceGetTemperatureV", {"temperature": -1}),
        ("nvmlDeviceGetTemperatureV", {"temperature": 2**31 - 1}),
        ("nvmlDeviceGetTemperatureThreshold", 2**31),
        ("nvmlDeviceGetMarginTemperature", {"marginTemperature": -(2**31)}),
        ("nvmlDeviceGetClockInfo", 2**32 - 1),
        ("nvmlDeviceGetPersistenceMode", 2),
        ("nvmlDeviceGetEccMode", -1),
        ("nvmlDeviceGetMemoryInfo_v2", {"total": NOBODY, "used": 5, "free": 5, "reserved": 5}),
        ("nvmlDeviceGetBAR1MemoryInfo", {"bar1Total": NOBODY, "bar1Used": NOBODY}),
    ],
)
def test_what_cannot_be_is_no_value(call: str, value: object) -> None:
    assert written(row(call), value) == {}


def test_parts_of_a_memory_are_not_more_than_all_of_it() -> None:
    memory = {"total": 100, "used": 101, "free": 60, "reserved": NOBODY}
    found = written(row("nvmlDeviceGetMemoryInfo_v2"), memory)
    total, free = "neurox_gpu_memory_total_bytes", "neurox_gpu_memory_free_bytes"
    assert found == {(total, ()): 100, (free, ()): 60}
    of_instance = written(row("nvmlDeviceGetMemoryInfo_v2", MIG_ROWS), memory)
    assert len(of_instance) == 2


def test_a_mode_that_is_neither_on_nor_off_is_not_told() -> None:
    assert written(row("nvmlDeviceGetMigMode"), 1, 7) == {("neurox_gpu_mig_mode", ("no",)): 1}


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e308, 201.0])
def test_activity_that_cannot_be_is_no_value(value: float) -> None:
    asked, errors = question([2, 5]), Counter[tuple[str, str]]()
    asked.metrics[0].value, asked.metrics[1].value = value, 40.0
    assert _values(asked, errors) == {5: 40.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -1.0, 1e308, 1e8])
def test_a_rate_that_cannot_be_does_not_spoil_a_total(value: float) -> None:
    asked, errors = question([20, 21]), Counter[tuple[str, str]]()
    asked.metrics[0].value, asked.metrics[1].value = value, 60_000.0
    assert _values(asked, errors) == {21: 60_000.0}


def test_an_activity_that_failed_is_counted_and_a_code_nobody_knows_too() -> None:
    asked, errors = question([2, 5, 10]), Counter[tuple[str, str]]()
    for at, code in enumerate((4, 12345, pynvml.NVML_ERROR_NO_DATA)):
        asked.metrics[at].nvmlReturn = code
    assert _values(asked, errors) == {}
    assert errors == {
        ("nvmlGpmMetricsGet", "no_permission"): 1,
        ("nvmlGpmMetricsGet", "unknown"): 1,
    }


@pytest.fixture
def started(scenario: Put) -> Iterator[object]:
    scenario(f"{HEAD}00\n")
    pynvml.nvmlInit()
    yield pynvml.nvmlDeviceGetHandleByIndex(0)
    pynvml.nvmlShutdown()


def test_texts_that_are_not_utf8_are_told_as_far_as_they_are(started: object) -> None:
    path = Path(os.environ["NEUROX_NVML_SCENARIO"])
    bad = f"{HEAD}00\nmodel = NVIDIA ?\nserial = ?1\n".replace("580.95.05", "580.?")
    path.write_bytes(bad.encode().replace(b"?", b"\xff"))
    identity = Driver().identity(started, 0, Counter())
    assert (identity.model, identity.serial) == ("NVIDIA \ufffd", "\ufffd1")
    driver = Driver()
    assert driver.open() == 1
    assert driver.version == "580.\ufffd"
    driver.close()


def test_no_more_gpus_are_asked_for_than_a_node_has(started: object) -> None:
    path = Path(os.environ["NEUROX_NVML_SCENARIO"])
    path.write_text(f"overcount = 999999\n{HEAD}00\n")
    assert Driver().count() == GPUS_MAX


def sampled(kind: int, samples: list[tuple[int, float]], **more: int) -> float | None:
    """Busy seconds of a driver that answers these samples after the first call."""
    errors: Errors = Counter()
    busy = BusySamples(None)
    busy._room, busy._last, busy._asked = 8, 1_000_000, True
    busy._array = (pynvml.c_nvmlSample_t * 8)()
    member = {0: "dVal", 1: "uiVal", 3: "ullVal"}.get(kind, "ullVal")

    def answer(array: object) -> None:
        busy._kind.value, busy._count.value = kind, more.get("count", len(samples))
        for at, (stamp, value) in enumerate(samples):
            busy._array[at].timeStamp = stamp
            setattr(busy._array[at].sampleValue, member, value)

    busy._ask = answer  # type: ignore[method-assign]
    return busy.seconds(lambda: 60.0, errors)


@pytest.mark.parametrize(
    ("kind", "samples", "seconds"),
    [
        (1, [(1_500_000, 50), (2_000_000, 100)], 0.75),
        (3, [(1_500_000, 50), (2_000_000, 100)], 0.75),
        (0, [(2_000_000, 50.0)], 0.5),
        (0, [(1_500_000, math.nan), (2_000_000, 100.0)], 0.5),
        (99, [(2_000_000, 50)], 0),
        (1, [(2_000_000, 101), (2_500_000, 100)], 0.5),
        (1, [(900_000, 100), (1_000_000, 100)], 0),
        (1, [(1 << 63, 100)], 0),
    ],
)
def test_samples_are_read_by_their_type_and_only_what_can_be_counts(
    kind: int, samples: list[tuple[int, float]], seconds: float
) -> None:
    assert sampled(kind, samples) == pytest.approx(seconds)


def test_more_samples_than_there_is_room_for_are_not_read() -> None:
    assert sampled(1, [(2_000_000, 50)], count=2**32 - 1) == pytest.approx(0.5)
