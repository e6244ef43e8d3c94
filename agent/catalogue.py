"""Every metric, out of ``metrics.csv``: its name, type, unit, own labels, tier, source and help.

Units are bytes, seconds, joules, hertz, watts, celsius, counts and ratios of 0 to 1. A tier is how
often it is read at the least: F each second, M each 10 s, S each minute, E by an event, O once.
Readings out of tables (``agent.nvml``) take their tier from here.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Scope = Literal["node", "gpu", "mig", "pod", "allocation"]
SCOPE_LABELS: Mapping[str, tuple[str, ...]] = {
    "node": ("node",),
    "gpu": ("node", "uuid", "gpu"),
    "mig": ("node", "uuid", "gpu", "gi"),
    "pod": ("node", "uuid", "namespace", "pod"),
    "allocation": ("node", "uuid"),
}
"""Labels that say whose series it is; a metric's own labels follow."""

Series = tuple[str, tuple[str, ...]]
"""A metric's name and the values of its own labels, in the order of the catalogue."""
Values = Mapping[Series, float]


@dataclass(frozen=True)
class Metric:
    """One family. ``labels`` are its own, after those of its scope; ``info`` is a gauge of 1."""

    name: str
    scope: Scope
    type: Literal["gauge", "counter", "info"]
    unit: str
    labels: tuple[str, ...]
    tier: Literal["F", "M", "S", "E", "O"]
    source: str
    help: str


def _read() -> dict[str, Metric]:
    text = resources.files("agent").joinpath("metrics.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {
        row["name"]: Metric(**{**row, "labels": tuple(row["labels"].split())})  # type: ignore[arg-type]
        for row in rows
    }


METRICS: Mapping[str, Metric] = _read()
"""By name, in the order in which they are served."""

BUSY_SECONDS: Series = ("neurox_gpu_busy_seconds_total", ())
ENERGY: Series = ("neurox_gpu_energy_joules_total", ())
MEMORY_USED: Series = ("neurox_gpu_memory_used_bytes", ())
POWER: Series = ("neurox_gpu_power_watts", ())
UTILIZATION: Series = ("neurox_gpu_utilization_ratio", ())
