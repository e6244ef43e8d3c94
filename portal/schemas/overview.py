"""The first page."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model
from portal.schemas.cluster import ClusterOut
from portal.schemas.gpu import GpuOut
from portal.schemas.workload import WorkloadOut


class Tile(Model):
    """One figure of the overview and the table behind it."""

    key: str
    label: str
    value: float | None
    of: float | None = None
    unit: str = ""
    note: str = ""
    tone: Literal["good", "warn", "bad", "plain"] = "plain"
    href: str


class Attention(Model):
    """Something a person should look at, in words."""

    severity: Literal["warn", "bad"]
    message: str
    href: str


class OverviewOut(Model):
    """All that the first page shows but its chart."""

    generated_at: datetime
    report_age_seconds: float | None
    """Of the oldest report shown."""
    clusters: list[ClusterOut]
    tiles: list[Tile]
    gpus: list[GpuOut]
    attention: list[Attention]
    workloads: list[WorkloadOut]
    """Top by GPUs held, then newest; at most 20."""
    simulated: bool
