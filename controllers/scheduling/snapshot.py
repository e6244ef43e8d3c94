"""What a decision is made from: one cluster at one moment. GPUs are whole numbers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Room:
    """A GPU node of a pool. ``free`` is what no pod is bound to and no start is held for."""

    node: str
    pool: str
    gpus: int
    free: int
    usable: bool = True
    """Ready and not cordoned: new pods may be placed here."""


@dataclass(frozen=True, slots=True)
class Queued:
    """A workload that waits: ``pods`` pods that start together or not at all."""

    id: str
    user: str
    group: str
    pool: str
    level: int
    """Index into ``controllers.domain.policy.LEVELS``."""
    pods: int
    gpus_per_pod: int
    submitted_at: float
    not_before: float = 0.0
    """Epoch seconds: a start that went wrong is not tried again before."""
    cause: str = ""
    """What went wrong, for ``not_before``."""

    @property
    def gpus(self) -> int:
        """GPUs of the whole gang."""
        return self.pods * self.gpus_per_pod


@dataclass(frozen=True, slots=True)
class Started:
    """A workload that is charged for ``gpus`` GPUs, until its last pod is gone."""

    id: str
    user: str
    group: str
    pool: str
    level: int
    gpus: int
    started_at: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One cluster at one moment."""

    rooms: tuple[Room, ...] = ()
    queued: tuple[Queued, ...] = ()
    started: tuple[Started, ...] = ()
