"""Pools, projects, groups, quotas and levels, and the document that carries them to a cluster."""

from dataclasses import dataclass, field

LEVELS = ("low", "normal", "high", "critical")
"""Priority levels, lowest first; the index is the priority."""


@dataclass(frozen=True)
class NodePool:
    """A set of GPU nodes across clusters, chosen by labels (all must match)."""

    name: str
    selector: dict[str, str] = field(default_factory=dict)
    description: str = ""


@dataclass(frozen=True)
class Group:
    """Ties users to workloads."""

    name: str
    description: str = ""


@dataclass(frozen=True)
class Project:
    """What its workloads may use: groups, pools, priority levels, and the namespace they run in."""

    name: str
    groups: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    namespace: str = "neurox-work"
    level_default: str = "normal"
    level_limit: str = "high"
    description: str = ""


@dataclass(frozen=True)
class Quota:
    """GPUs of one pool guaranteed to one group."""

    pool: str
    group: str
    gpus: int


@dataclass(frozen=True)
class Policy:
    """All that one cluster must know to decide alone; quotas are this cluster's share."""

    revision: str
    pools: tuple[NodePool, ...] = ()
    projects: tuple[Project, ...] = ()
    groups: tuple[Group, ...] = ()
    quotas: tuple[Quota, ...] = ()
