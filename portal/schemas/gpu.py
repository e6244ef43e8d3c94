"""GPUs."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model

GpuState = Literal["busy", "idle", "free", "fault", "stale"]
"""busy and idle are allocated; free is not; stale: no fresh sample."""


class GpuOut(Model):
    """One GPU; readings are null once they are older than 45 s."""

    uuid: str
    cluster: str
    node: str
    index: int
    model: str
    pool: str | None
    state: GpuState
    utilization: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    power_watts: float | None
    temperature_celsius: float | None
    workload_id: str | None
    workload: str | None
    user: str | None
    namespace: str | None
    pod: str | None
    sampled_at: datetime
    sample_age_seconds: float
    simulated: bool
