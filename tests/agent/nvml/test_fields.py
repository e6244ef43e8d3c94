"""What a field of a driver is worth, whatever the driver wrote."""

import math

import pynvml
import pytest

from agent.nvml import field_table, fields


def test_no_two_fields_are_the_same_series() -> None:
    """One of them would fail at times: what a counter falls to then, it would have begun at."""
    series = [row.series for row in field_table.FIELDS]
    assert len(series) == len(set(series))


def of_type(kind: int, **member: float) -> "pynvml.c_nvmlFieldValue_t":
    entry = pynvml.c_nvmlFieldValue_t(valueType=kind)
    for name, value in member.items():
        setattr(entry.value, name, value)
    return entry


@pytest.mark.parametrize(
    ("kind", "member", "value"),
    [
        (pynvml.NVML_VALUE_TYPE_DOUBLE, {"dVal": 1.5}, 1.5),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, {"uiVal": 7}, 7),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG, {"ulVal": 1 << 40}, 1 << 40),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, {"ullVal": 1 << 62}, 1 << 62),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, {"sllVal": 1 << 40}, 1 << 40),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, {"siVal": 5}, 5),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT, {"usVal": 6}, 6),
        (pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG, {"sllVal": -3}, None),
        (pynvml.NVML_VALUE_TYPE_SIGNED_INT, {"siVal": -1}, None),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_INT, {"uiVal": 2**32 - 1}, None),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, {"ullVal": 1 << 63}, None),
        (pynvml.NVML_VALUE_TYPE_DOUBLE, {"dVal": 1e308}, None),
        (pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG, {"ullVal": 2**64 - 1}, None),
        (pynvml.NVML_VALUE_TYPE_DOUBLE, {"dVal": math.nan}, None),
        (pynvml.NVML_VALUE_TYPE_DOUBLE, {"dVal": math.inf}, None),
        (99, {"dVal": 1.5}, None),
    ],
)
def test_only_a_number_that_can_be_of_a_known_type_is_a_value(
    kind: int, member: dict[str, float], value: float | None
) -> None:
    assert fields.value_of(of_type(kind, **member)) == value
