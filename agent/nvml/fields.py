"""Field values: many numbers of a GPU by one call, each with its own return code and type."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pynvml

from agent.catalogue import METRICS, Series
from agent.nvml.calls import Row
from agent.nvml.errors import LOST, UNSUPPORTED, Errors, name_of, raise_if_fatal
from agent.nvml.library import BLANK, PLAUSIBLE, Handle, plain, supported

CALL = "nvmlDeviceGetFieldValues"
ALL_LINKS = 0xFFFFFFFF
_UNION = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
}
_VALUE = plain(pynvml.c_nvmlFieldValue_t)
# A driver that does not know a field yet calls its number an invalid argument.
_NEVER = (*UNSUPPORTED, pynvml.NVML_ERROR_INVALID_ARGUMENT)


@dataclass(frozen=True)
class FieldRow:
    """A field, and what one unit of it is worth."""

    number: int
    series: Series
    unit: float = 1
    scope: int = 0
    otherwise: "FieldRow | Row | None" = None
    """Where the field is not supported."""

    @property
    def tier(self) -> str:
        """How often it is asked, by the catalogue."""
        return METRICS[self.series[0]].tier


class Fields:
    """Some fields of one GPU, in an array that is filled again each time.

    ``rows`` are those that are supported, as far as is known.
    """

    def __init__(self, handle: Handle, rows: Sequence[FieldRow]) -> None:
        self._handle = handle
        self._dropped: list[FieldRow] = []
        self._keep(rows)

    def read(self, errors: Errors) -> dict[Series, float]:
        """The fields that the GPU supports and that did not fail."""
        if not self.rows:
            return {}
        answer = supported(CALL, errors, self._handle, len(self.rows), self._array)
        if answer is False:
            self._dropped += self.rows
            self._keep(())
        return dict(self._found(errors)) if answer else {}

    def unsupported(self) -> "list[Row]":
        """The calls to make instead of the fields that turned out not to be supported."""
        dropped, self._dropped = self._dropped, []
        return [row.otherwise for row in dropped if isinstance(row.otherwise, Row)]

    def _keep(self, rows: Sequence[FieldRow]) -> None:
        self.rows = rows
        self._array = (_VALUE * len(rows))()
        for entry, row in zip(self._array, rows, strict=True):
            entry.fieldId, entry.scopeId = row.number, row.scope

    def _found(self, errors: Errors) -> Iterator[tuple[Series, float]]:
        dropped = []
        for entry, row in zip(self._array, self.rows, strict=True):
            code: int = entry.nvmlReturn
            if code == pynvml.NVML_SUCCESS:
                value = value_of(entry)
                if value is not None:
                    yield row.series, value * row.unit
                elif _is_absurd(entry):
                    errors[CALL, "implausible"] += 1
            elif code in _NEVER:
                dropped.append(row)
            elif code in LOST:
                raise_if_fatal(pynvml.NVMLError(code))
            else:
                errors[CALL, name_of(code)] += 1
        if dropped:
            self._dropped += dropped
            others = [row.otherwise for row in dropped]
            kept = [row for row in self.rows if row not in dropped]
            self._keep([*kept, *(other for other in others if isinstance(other, FieldRow))])


def value_of(entry: Any) -> float | None:
    """The member of the union that the type names; None for no value.

    None that is read is below zero.
    """
    value = member(entry.value, entry.valueType)
    return None if value is None or value in BLANK or not 0 <= value <= PLAUSIBLE else value


def _is_absurd(entry: Any) -> bool:
    """Whether it is a number by which no driver means that there is no value."""
    told = member(entry.value, entry.valueType)
    return told is not None and told not in BLANK and not told <= PLAUSIBLE


def member(union: Any, kind: int) -> float | None:
    """What a union holds, by its type; None of a type that is not known."""
    name = _UNION.get(kind)
    return getattr(union, name) if name else None
