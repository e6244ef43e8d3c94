"""A workload: what was asked for, and what is seen of it."""

from dataclasses import dataclass, field
from typing import Literal

State = Literal[
    "Submitted",  # accepted by the hub, not yet in a cluster
    "Queued",
    "Starting",
    "Running",
    "Stopping",
    "Succeeded",
    "Failed",
    "Stopped",
    "Invalid",
]
FINISHED: frozenset[State] = frozenset({"Succeeded", "Failed", "Stopped", "Invalid"})
HOLDING: frozenset[State] = frozenset({"Starting", "Running", "Stopping"})
"""States in which a workload is charged for its GPUs."""


@dataclass(frozen=True)
class WorkloadSpec:
    """What a user asks for: ``pods`` pods that run together, each with ``gpus_per_pod`` GPUs."""

    name: str
    project: str
    group: str
    pool: str
    pods: int
    gpus_per_pod: int
    level: str = "normal"
    image: str = "busybox"
    command: tuple[str, ...] = ()
    max_runtime_seconds: int | None = None
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def gpus(self) -> int:
        """GPUs of the whole gang."""
        return self.pods * self.gpus_per_pod


@dataclass(frozen=True)
class Intent:
    """A workload stored by the hub before any cluster knows of it. Times are epoch seconds."""

    id: str
    spec: WorkloadSpec
    user: str
    submitted_at: float
    cluster: str | None = None
    accepted_at: float | None = None
    """When the cluster took it; from then on it is never sent again."""
    stop_requested_at: float | None = None
    waiting: str | None = None
    """Why no cluster has it yet, in a sentence."""
    refusal: str | None = None
    """Why no cluster took it, once that is final."""


@dataclass(frozen=True)
class Reason:
    """Why a workload waits or ended: a stable code and a plain sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Pod:
    """One pod of a workload."""

    name: str
    node: str | None
    phase: str
    gpus: int


@dataclass(frozen=True)
class Workload:
    """What a cluster reports of one workload. ``id`` is the intent id, else the object's uid."""

    id: str
    uid: str
    namespace: str
    kind: str
    name: str
    state: State
    pods: int
    gpus_per_pod: int
    user: str | None = None
    group: str | None = None
    project: str | None = None
    pool: str | None = None
    level: str = "normal"
    reason: Reason | None = None
    submitted_at: float | None = None
    started_at: float | None = None
    finished_at: float | None = None
    members: tuple[Pod, ...] = ()
    managed: bool = True
    """False: seen and counted, never touched."""

    @property
    def gpus(self) -> int:
        """GPUs of the whole gang."""
        return self.pods * self.gpus_per_pod
