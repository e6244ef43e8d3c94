"""Workloads."""

from datetime import datetime

from controllers.domain.workload import State
from portal.schemas.base import Model

RUNTIME_MOST = 366 * 24 * 3600
"""Seconds that a workload may run at most."""


class WorkloadIn(Model):
    """A workload to submit: ``pods`` pods that run together, each with ``gpus_per_pod`` GPUs."""

    name: str
    project: str
    group: str | None = None
    """Default: the one group that both the user and the project are in."""
    pool: str | None = None
    """Default: the project's first pool."""
    pods: int = 1
    gpus_per_pod: int = 1
    level: str | None = None
    image: str = "busybox"
    command: list[str] = []
    max_runtime_seconds: int | None = None
    annotations: dict[str, str] = {}


class ReasonOut(Model):
    """A stable code and a plain sentence."""

    code: str
    message: str


class PodOut(Model):
    """One pod and the GPUs it was given."""

    name: str
    node: str | None
    phase: str
    gpus: int
    gpu_uuids: list[str]


class WorkloadOut(Model):
    """A workload as it stands."""

    id: str
    name: str
    kind: str
    cluster: str | None
    namespace: str | None
    user: str | None
    group: str | None
    project: str | None
    pool: str | None
    level: str
    state: State
    reason: ReasonOut | None
    pods: int
    gpus_per_pod: int
    gpus: int
    utilization: float | None
    memory_used_bytes: int | None
    submitted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    age_seconds: float | None
    """Since it was submitted."""
    reported_at: datetime | None
    report_age_seconds: float | None
    stoppable: bool
    """The caller may stop it."""
    simulated: bool
    members: list[PodOut]
