"""The few fields we read of Kubernetes objects; everything else is skipped while decoding."""

from datetime import datetime
from typing import Any

from msgspec import Raw, Struct


class Owner(Struct, rename="camel", frozen=True):
    """An owner reference."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Meta(Struct, rename="camel", frozen=True):
    """Metadata of any object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = "0"
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []


class Condition(Struct, rename="camel", frozen=True):
    """A condition of any status."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    last_transition_time: datetime | None = None


class Resources(Struct, frozen=True):
    """What a container asks for."""

    limits: dict[str, Any] = {}
    requests: dict[str, Any] = {}


class Container(Struct, rename="camel", frozen=True):
    """A container of a pod."""

    resources: Resources = Resources()
    restart_policy: str = ""


class NodeAffinity(Struct, rename="camel", frozen=True):
    """Where a pod may run; kept as it is to be narrowed."""

    required_during_scheduling_ignored_during_execution: dict[str, Any] | None = None


class Affinity(Struct, rename="camel", frozen=True):
    """Affinity of a pod."""

    node_affinity: NodeAffinity | None = None


class PodSpec(Struct, rename="camel", frozen=True):
    """Spec of a pod."""

    containers: list[Container] = []
    init_containers: list[Container] = []
    node_name: str | None = None
    affinity: Affinity | None = None


class PodStatus(Struct, rename="camel", frozen=True):
    """Status of a pod."""

    phase: str = "Pending"
    conditions: list[Condition] = []


class Pod(Struct, rename="camel", frozen=True):
    """A pod."""

    metadata: Meta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class Template(Struct, frozen=True):
    """A pod template."""

    spec: PodSpec = PodSpec()


class JobSpec(Struct, rename="camel", frozen=True):
    """Spec of a Job."""

    template: Template = Template()
    suspend: bool = False
    parallelism: int = 1
    completions: int | None = None


class JobStatus(Struct, rename="camel", frozen=True):
    """Status of a Job."""

    succeeded: int = 0
    start_time: datetime | None = None
    completion_time: datetime | None = None
    conditions: list[Condition] = []


class Job(Struct, rename="camel", frozen=True):
    """A Job."""

    metadata: Meta
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class NodeSpec(Struct, rename="camel", frozen=True):
    """Spec of a node."""

    unschedulable: bool = False


class NodeInfo(Struct, rename="camel", frozen=True):
    """Versions on a node."""

    kubelet_version: str | None = None


class NodeStatus(Struct, rename="camel", frozen=True):
    """Status of a node."""

    allocatable: dict[str, Any] = {}
    capacity: dict[str, Any] = {}
    conditions: list[Condition] = []
    node_info: NodeInfo = NodeInfo()


class Node(Struct, rename="camel", frozen=True):
    """A node."""

    metadata: Meta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class Namespace(Struct, frozen=True):
    """A namespace."""

    metadata: Meta


class ListMeta(Struct, rename="camel", frozen=True):
    """Metadata of a list."""

    resource_version: str = ""


class Listing(Struct, frozen=True):
    """A list whose items are decoded one by one."""

    metadata: ListMeta
    items: list[Raw] | None = None


class Event(Struct, frozen=True):
    """A line of a watch."""

    type: str
    object: Raw


class Bookmark(Struct, frozen=True):
    """Where a watch has come to."""

    metadata: ListMeta


class Status(Struct, frozen=True):
    """An error inside a watch."""

    code: int = 0
    message: str = ""
