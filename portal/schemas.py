"""What travels between the API and its clients: typed once, used by server, SDK, CLI and pages.

Times are RFC 3339 UTC; ages and durations seconds; ratios 0 to 1; memory bytes; ``null`` is
unknown, never zero.
"""

from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from controllers.domain.workload import State

Item = TypeVar("Item")


class Model(BaseModel):
    """Base of all: unknown fields are refused, so a typing mistake is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Page(Model, Generic[Item]):
    """A page of a list; pass ``next_cursor`` back as ``cursor`` for the next one."""

    items: list[Item]
    next_cursor: str | None = None
    total: int


class ClusterOut(Model):
    """A cluster and how fresh what we know of it is."""

    id: str
    name: str
    description: str
    state: Literal["waiting", "connected", "lost"]
    """waiting: never joined. lost: no report for 45 s."""
    created_at: datetime
    seen_at: datetime | None
    age_seconds: float | None
    kubernetes_version: str | None
    manager_version: str | None
    nodes: int
    nodes_ready: int
    gpus: int
    gpus_allocated: int
    running: int
    queued: int
    utilization: float | None
    simulated: bool
    metrics_age_seconds: float | None


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
    age_seconds: float | None
    simulated: bool


class GpuOut(Model):
    """One GPU; readings are null once they are older than 45 s."""

    uuid: str
    cluster: str
    node: str
    index: int
    model: str
    pool: str | None
    state: Literal["busy", "idle", "free", "fault", "stale"]
    """busy and idle are allocated; free is not; stale: no fresh sample."""
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
    age_seconds: float
    simulated: bool


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


class QuotaIn(Model):
    """GPUs of one pool guaranteed to one group; 0 removes the guarantee."""

    gpus: int = Field(ge=0, le=1_000_000)


class QuotaOut(QuotaIn):
    """A guarantee and how much of it is used."""

    pool: str
    group: str
    gpus_allocated: int


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
    stoppable: bool
    """The caller may stop it."""
    simulated: bool
    members: list[PodOut]


class Series(Model):
    """Columns of a chart: one time axis, one column a line; null where nothing was measured."""

    unit: str
    times: list[float]
    """Epoch seconds."""
    names: list[str]
    columns: list[list[float | None]]


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


class OverviewOut(Model):
    """All that the first page shows but its chart."""

    generated_at: datetime
    age_seconds: float | None
    """Age of the oldest cluster report shown."""
    clusters: list[ClusterOut]
    tiles: list[Tile]
    gpus: list[GpuOut]
    attention: list[Attention]
    workloads: list[WorkloadOut]
    """Top by GPUs held, then newest; at most 20."""
    simulated: bool


class UserIn(Model):
    """A local account. A password is only set, never shown."""

    password: str | None = Field(None, min_length=8, max_length=256)
    groups: list[str] = []
    admin: bool = False


class UserOut(Model):
    """An account without its secrets."""

    name: str
    groups: list[str]
    admin: bool
    created_at: datetime


class TokenIn(Model):
    """A token to be made; it replaces one of the same name."""

    name: str = Field(min_length=1, max_length=63)
    expires_seconds: int | None = Field(None, ge=60, le=366 * 24 * 3600)
    """From now; null: until it is replaced."""


class TokenOut(Model):
    """A new API token; ``token`` is shown this once."""

    id: str
    token: str
    expires_at: datetime | None


class ClusterIn(Model):
    """A cluster to be joined."""

    name: str
    description: str = Field("", max_length=500)


class JoinOut(Model):
    """What the admin of the new cluster needs; the secret holds a single-use token."""

    cluster: ClusterOut
    secret: str
    """A Kubernetes Secret as YAML, with one ``kubeconfig`` key; shown this once."""
    command: str
    expires_at: datetime


class Me(Model):
    """Who is asking."""

    name: str
    groups: list[str]
    admin: bool


class FieldError(Model):
    """One input at fault."""

    location: Literal["body", "query", "path"] = Field(alias="in")
    field: str
    message: str


class Problem(Model):
    """An error as RFC 9457 ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[FieldError] = []
