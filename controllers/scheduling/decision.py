"""What a decision says: which workloads start where, and one reason for each that waits."""

from dataclasses import dataclass, field

from controllers.domain.workload import Reason


@dataclass(frozen=True, slots=True)
class Release:
    """Start this workload with so many of its pods on each of these nodes."""

    workload: str
    placement: dict[str, int]


@dataclass(frozen=True, slots=True)
class Decision:
    """Actions in the order they were decided; ``reasons`` has every workload that stays queued."""

    actions: tuple[Release, ...] = ()
    reasons: dict[str, Reason] = field(default_factory=dict)
    in_quota: frozenset[str] = frozenset()
    """Started workloads, these releases included, that their groups' quotas cover."""
