"""The names of dcgm-exporter in its two generations, out of ``names.csv``.

Version 4.9 renamed fields and changed their units: what is ``legacy`` up to 4.8 is ``current``
since. The table says which series of ours, and of a GPU instance (``mig``), each is made of.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal

from agent.catalogue import Series

Generation = Literal["legacy", "current"]
GENERATIONS: tuple[Generation, ...] = ("legacy", "current")

_FACTORS: Mapping[str, float] = {
    "MHz": 1e-6,
    "millijoules": 1e3,
    "percent": 100,
    "MiB": 2**-20,
    "MB/s": 1e-6,
    "ns": 1e9,
}
"""Theirs for one of ours, where theirs is no base unit."""

_DIGITS = 9
"""Beyond these there is only the noise of a conversion: 0.57 is 57 %, not 56.99999999999999 %."""


@dataclass(frozen=True)
class Name:
    """One name of one generation. ``differs`` says where its meaning is not quite DCGM's."""

    name: str
    unit: str
    type: str
    series: Series
    mig: Series | None
    default: bool
    """Whether the exporter serves it without being told to."""
    help: str
    differs: str

    def value(self, ours: float) -> float:
        """Our value in the unit of this name."""
        factor = _FACTORS.get(self.unit)
        return ours if factor is None else round(ours * factor, _DIGITS)

    @property
    def is_rate(self) -> bool:
        """Whether it tells bytes per second of what we count in bytes."""
        return self.unit in ("MB/s", "bytes per second")


@dataclass(frozen=True)
class Field:
    """A field of DCGM under both its names."""

    legacy: Name
    current: Name

    def named(self, generation: Generation) -> Name:
        """Its name in a generation."""
        return self.legacy if generation == "legacy" else self.current


def _read() -> tuple[Field, ...]:
    text = resources.files("agent.dcgm").joinpath("names.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return tuple(Field(_name(row, "legacy"), _name(row, "current")) for row in rows)


def _name(row: Mapping[str, str], generation: Generation) -> Name:
    labels = tuple(row["labels"].split())
    return Name(
        name=row[generation],
        unit=row[f"{generation}_unit"],
        type=row["type"],
        series=(row["series"], labels),
        mig=(row["mig"], labels) if row["mig"] else None,
        default=row["default"] == "yes",
        help=f"{row['help']} ({row[f'{generation}_unit']}).",
        differs=row["differs"],
    )


FIELDS: Sequence[Field] = _read()
"""In the order in which they are served."""
