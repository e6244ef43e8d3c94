"""Nodes with GPUs."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model


class NodeOut(Model):
    """A node with GPUs."""

    name: str
    cluster: str
    pool: str | None
    state: Literal["ready", "not ready", "cordoned", "unknown"]
    reason: str | None
    model: str | None
    gpus: int
    gpus_allocated: int
    utilization: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    power_watts: float | None
    temperature_celsius: float | None
    """Of the hottest GPU."""
    workloads: int
    kubelet_version: str | None
    reported_at: datetime | None
    report_age_seconds: float | None
    simulated: bool
