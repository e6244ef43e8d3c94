"""A row says which NVML call gives which series."""

import ctypes
from collections.abc import Callable, Iterable
from ctypes import c_uint
from dataclasses import dataclass
from typing import Any

from agent.catalogue import METRICS, Series
from agent.nvml.library import BLANK, PLAUSIBLE

Found = Iterable[tuple[Series, float]]


@dataclass(frozen=True)
class Row:
    """A call with the handle, ``inputs`` and the address of each of ``outputs``.

    ``names`` are the metrics that it gives, all of one tier of the catalogue.
    """

    names: tuple[str, ...]
    call: str
    outputs: tuple[Callable[[], Any], ...]
    read: Callable[..., Found]
    """Series out of the outputs."""
    inputs: tuple[Any, ...] = ()
    otherwise: "Row | None" = None
    """Where this one is not supported."""

    @property
    def tier(self) -> str:
        """How often it is asked, by the catalogue."""
        return METRICS[self.names[0]].tier


def number(series: Series, call: str, unit: float = 1, *, more: int = 0, **kept: Any) -> Row:
    """A call that answers one number up to ``most``, and ``more`` that are of no use."""
    kind, most = kept.pop("kind", c_uint), kept.pop("most", PLAUSIBLE)

    def read(found: Any, *_: Any) -> Found:
        value = found.value
        return ((series, value * unit),) if value not in BLANK and value <= most else ()

    return Row((series[0],), call, (kind, *[c_uint] * more), read, **kept)


def structure(kind: Any, **initial: int) -> Callable[[], ctypes.Structure]:
    """Makes a structure with some fields set, as its version."""
    return lambda: kind(**initial)
