"""Readings ask a GPU for rows and fields, and then for no more than it supports of them."""

from collections.abc import Iterable
from ctypes import byref

from agent.catalogue import Series
from agent.nvml.calls import Row
from agent.nvml.errors import Errors
from agent.nvml.fields import FieldRow, Fields
from agent.nvml.library import Handle, supported


class _Bound:
    """A row for one GPU, with its memory."""

    def __init__(self, handle: Handle, row: Row) -> None:
        self.row = row
        self.outputs = [make() for make in row.outputs]
        self.arguments = (handle, *row.inputs, *map(byref, self.outputs))


class Readings:
    """What one GPU supports of some rows and fields; the rest is not asked for again."""

    def __init__(self, handle: Handle, rows: Iterable[Row], fields: Iterable[FieldRow]) -> None:
        self._handle = handle
        self._bound: dict[str, list[_Bound]] = {}
        for row in rows:
            self._bound.setdefault(row.tier, []).append(_Bound(handle, row))
        by_tier: dict[str, list[FieldRow]] = {}
        for field in fields:
            by_tier.setdefault(field.tier, []).append(field)
        self._fields = {tier: Fields(handle, rows) for tier, rows in by_tier.items()}

    def read(self, tier: str, errors: Errors) -> dict[Series, float]:
        """Everything of a tier; GpuLost or DriverUnavailable when a call answers that."""
        values: dict[Series, float] = {}
        if fields := self._fields.get(tier):
            values.update(fields.read(errors))
            for row in fields.unsupported():
                self._bound.setdefault(tier, []).append(_Bound(self._handle, row))
        asked = [self._ask(one, values, errors) for one in self._bound.get(tier, ())]
        self._bound[tier] = [one for one in asked if one]
        return values

    def _ask(
        self, one: _Bound | None, values: dict[Series, float], errors: Errors
    ) -> _Bound | None:
        """The row to ask next time; None when neither it nor what stands in is supported."""
        while one:
            answer = supported(one.row.call, errors, *one.arguments)
            if answer is not False:
                if answer:
                    values.update(one.row.read(*one.outputs))
                return one
            one = _Bound(self._handle, one.row.otherwise) if one.row.otherwise else None
        return None
