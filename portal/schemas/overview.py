"""The first page."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model
from portal.schemas.cluster import ClusterOut
from portal.schemas.gpu import GpuState
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


class MapGpu(Model):
    """One square of the fleet map."""

    uuid: str
    index: int
    state: GpuState
    utilization: float | None
    workload: str | None


class MapNode(Model):
    """A node of the fleet map; in a fleet of more than 512 GPUs without its single ``gpus``."""

    cluster: str
    name: str
    utilization: float | None
    """The mean of its fresh GPUs."""
    states: dict[GpuState, int]
    gpus: list[MapGpu]


class OverviewOut(Model):
    """All that the first page shows but its chart."""

    generated_at: datetime
    report_age_seconds: float | None
    """Of the oldest report shown."""
    clusters: list[ClusterOut]
    tiles: list[Tile]
    map: list[MapNode]
    attention: list[Attention]
    workloads: list[WorkloadOut]
    """Top by GPUs held, then newest; at most 20."""
    simulated: bool
