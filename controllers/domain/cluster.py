"""A cluster and its nodes, as the hub knows them. Times are epoch seconds."""

from dataclasses import dataclass, field

from controllers.domain.workload import Workload


@dataclass(frozen=True)
class Cluster:
    """A cluster's record; ``id`` is a UUID and the tenant of its metrics."""

    id: str
    name: str
    created_at: float
    description: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    removed_at: float | None = None
    """None: it is there."""


@dataclass(frozen=True)
class Node:
    """A node that has, or once had, GPUs. Counts are GPUs."""

    name: str
    ready: bool
    cordoned: bool
    gpus: int
    allocated: int
    pool: str | None = None
    model: str | None = None
    kubelet_version: str | None = None
    simulated: bool = False
    reason: str | None = None
    """Why it is not ready, in the node's own words."""


@dataclass(frozen=True)
class StateDelta:
    """What changed in a cluster since a revision; ``None`` marks what is gone.

    ``full`` means: forget what was known before. ``epoch`` changes when the manager restarts.
    """

    epoch: str
    revision: int
    full: bool
    observed_at: float
    kubernetes_version: str
    manager_version: str
    policy_revision: str | None = None
    namespaces: tuple[str, ...] = ()
    """Managed namespaces: where the manager may create workloads."""
    nodes: dict[str, Node | None] = field(default_factory=dict)
    workloads: dict[str, Workload | None] = field(default_factory=dict)
