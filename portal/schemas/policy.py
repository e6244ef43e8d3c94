"""Pools, groups, projects and quotas: what an admin decides, and what is held."""

from datetime import datetime

from pydantic import Field

from portal.schemas.base import Model


class PoolIn(Model):
    """A set of GPU nodes, chosen by labels; an empty selector takes every GPU node."""

    selector: dict[str, str] = {}
    description: str = Field("", max_length=500)


class PoolOut(PoolIn):
    """A pool and what is in it now."""

    name: str
    clusters: list[str]
    nodes: int
    gpus: int
    gpus_allocated: int
    gpus_guaranteed: int
    models: list[str]
    utilization: float | None
    queued: int
    reported_at: datetime | None
    report_age_seconds: float | None


class GroupIn(Model):
    """Ties users to workloads."""

    description: str = Field("", max_length=500)


class GroupOut(GroupIn):
    """A group, its guarantees and what it holds."""

    name: str
    members: list[str]
    projects: list[str]
    gpus_guaranteed: int
    gpus_allocated: int
    queued: int
    reported_at: datetime | None
    report_age_seconds: float | None


class ProjectIn(Model):
    """What a project's workloads may use."""

    groups: list[str] = []
    pools: list[str] = []
    namespace: str = "neurox-work"
    level_default: str = "normal"
    level_limit: str = "high"
    description: str = Field("", max_length=500)


class ProjectOut(ProjectIn):
    """A project and what it holds."""

    name: str
    gpus_allocated: int
    running: int
    queued: int
    reported_at: datetime | None
    report_age_seconds: float | None


class QuotaIn(Model):
    """GPUs of one pool guaranteed to one group; 0 removes the guarantee."""

    gpus: int = Field(ge=0, le=1_000_000)


class QuotaOut(QuotaIn):
    """A guarantee and how much of it is used."""

    pool: str
    group: str
    gpus_allocated: int
    reported_at: datetime | None
    report_age_seconds: float | None
