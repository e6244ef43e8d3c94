"""What the cache keeps of each object: about ten fields. Times are epoch seconds."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from controllers.workload import wire

GPU = "nvidia.com/gpu"
OURS = "neurox.io/"
MANAGED = "neurox.io/managed"
ENDED = frozenset({"Succeeded", "Failed"})
"""Pod phases that hold no GPU any more."""
_QUANTITY = re.compile(r"(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?")
_SUFFIXES = {
    **{name: Decimal(1000) ** power for power, name in enumerate("num", -3)},
    **{name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", 1)},
    **{f"{name}i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", 1)},
}
_MOST = 2**63 - 1
"""As Kubernetes counts; the containers of one pod may ask for more together."""


class Node(Struct, frozen=True):
    """A node."""

    name: str
    labels: dict[str, str]
    gpus: int
    ever: bool
    """It has, or once had, GPUs."""
    ready: bool
    reason: str | None
    cordoned: bool
    kubelet: str | None


class Pod(Struct, frozen=True):
    """A pod that asks for GPUs."""

    uid: str
    namespace: str
    name: str
    node: str | None
    phase: str
    gpus: int
    created: float | None
    owner: tuple[str, str, str] | None
    """Kind, name and uid of what controls it."""
    template: str | None
    """Hash of the Deployment's template it was made from."""
    message: str
    """Why it has no node yet, as the scheduler puts it."""

    @property
    def ended(self) -> bool:
        """It holds no GPU any more."""
        return self.phase in ENDED


class Job(Struct, frozen=True):
    """A Job whose pods ask for GPUs."""

    uid: str
    version: str
    namespace: str
    name: str
    marks: dict[str, str]
    """Its neurox.io labels, without the prefix."""
    notes: dict[str, str]
    """Its neurox.io annotations, without the prefix."""
    suspended: bool
    parallelism: int
    """Pods that run together; never more than have to succeed."""
    pods_left: int
    gpus_per_pod: int
    terms: tuple[dict[str, Any], ...]
    """Node selector terms of its own, to be narrowed and never replaced."""
    created: float | None
    started: float | None
    finished: float | None
    deleting: bool
    outcome: str
    """Empty, "Succeeded" or "Failed"."""
    code: str
    message: str

    @property
    def placement(self) -> dict[str, int]:
        """Pods by node as they were released; empty when nothing was written."""
        try:
            nodes = json.loads(self.notes.get("placement", "{}"))
            return {str(node): int(pods) for node, pods in nodes.items()}
        except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
            return {}


class Namespace(Struct, frozen=True):
    """A namespace."""

    name: str
    managed: bool


def quantity(value: object) -> int:
    """A whole number of GPUs as Kubernetes writes it ("8", "1Ki", "8000m"); raises ValueError."""
    text = str(value)[:40]
    match = _QUANTITY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a number of GPUs")
    number, suffix, exponent = match.groups()
    scale = _SUFFIXES[suffix] if suffix else Decimal(10) ** int(exponent or 0)
    gpus = Decimal(number) * scale
    if gpus > _MOST or gpus != int(gpus):
        raise ValueError(f"{text!r} is not a whole number of GPUs")
    return int(gpus)


def node(raw: bytes, decode: Any) -> Node:
    """Keep what matters of a node."""
    seen: wire.Node = decode(raw)
    ready = next((c for c in seen.status.conditions if c.type == "Ready"), None)
    up = ready is not None and ready.status == "True"
    why = (ready.message or ready.reason) if ready else "its kubelet has not reported yet"
    labels = seen.metadata.labels
    return Node(
        name=seen.metadata.name,
        labels=labels,
        gpus=quantity(seen.status.allocatable.get(GPU, 0)),
        ever=GPU in seen.status.capacity or "nvidia.com/gpu.product" in labels,
        ready=up,
        reason=None if up else why,
        cordoned=seen.spec.unschedulable,
        kubelet=seen.status.node_info.kubelet_version,
    )


def pod(raw: bytes, decode: Any) -> Pod | None:
    """Keep what matters of a pod; None when it asks for no GPU."""
    seen: wire.Pod = decode(raw)
    gpus = gpus_of(seen.spec)
    if not gpus:
        return None
    meta = seen.metadata
    owner = next((o for o in meta.owner_references if o.controller), None)
    unplaced = next((c for c in seen.status.conditions if c.type == "PodScheduled"), None)
    return Pod(
        uid=meta.uid,
        namespace=meta.namespace,
        name=meta.name,
        node=seen.spec.node_name,
        phase=seen.status.phase,
        gpus=gpus,
        created=_epoch(meta.creation_timestamp),
        owner=(owner.kind, owner.name, owner.uid) if owner else None,
        template=meta.labels.get("pod-template-hash"),
        message=unplaced.message if unplaced and unplaced.status == "False" else "",
    )


def job(raw: bytes, decode: Any) -> Job | None:
    """Keep what matters of a Job; None when its pods ask for no GPU."""
    seen: wire.Job = decode(raw)
    gpus = gpus_of(seen.spec.template.spec)
    if not gpus:
        return None
    meta, spec, status = seen.metadata, seen.spec, seen.status
    ends = [c for c in status.conditions if c.status == "True" and c.type in _OUTCOMES]
    end = ends[0] if ends else None
    completions = spec.parallelism if spec.completions is None else spec.completions
    together = min(spec.parallelism, completions)
    return Job(
        uid=meta.uid,
        version=meta.resource_version,
        namespace=meta.namespace,
        name=meta.name,
        marks=_ours(meta.labels),
        notes=_ours(meta.annotations),
        suspended=spec.suspend,
        parallelism=together,
        pods_left=max(0, min(together, completions - status.succeeded)),
        gpus_per_pod=gpus,
        terms=_terms(spec.template.spec),
        created=_epoch(meta.creation_timestamp),
        started=_epoch(status.start_time),
        finished=_epoch(status.completion_time or (end.last_transition_time if end else None)),
        deleting=meta.deletion_timestamp is not None,
        outcome=_OUTCOMES[end.type] if end else "",
        code=end.reason if end else "",
        message=end.message if end else "",
    )


def namespace(raw: bytes, decode: Any) -> Namespace:
    """Keep whether we manage it."""
    seen: wire.Namespace = decode(raw)
    managed = seen.metadata.labels.get(MANAGED) == "true"
    return Namespace(name=seen.metadata.name, managed=managed)


_OUTCOMES = {"Complete": "Succeeded", "Failed": "Failed"}


def gpus_of(spec: wire.PodSpec) -> int:
    """GPUs the scheduler counts for a pod: side-cars run on, other init containers in turn."""
    sidecars, peak = 0, 0
    for container in spec.init_containers:
        if container.restart_policy == "Always":
            sidecars += _gpus(container)
        else:
            peak = max(peak, sidecars + _gpus(container))
    whole = max(peak, sidecars + sum(_gpus(container) for container in spec.containers))
    return min(whole, _MOST)


def _gpus(container: wire.Container) -> int:
    limits, requests = container.resources.limits, container.resources.requests
    return quantity(limits.get(GPU, requests.get(GPU, 0)))


def _terms(spec: wire.PodSpec) -> tuple[dict[str, Any], ...]:
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    return tuple((required or {}).get("nodeSelectorTerms", ()))


def _ours(values: Mapping[str, str]) -> dict[str, str]:
    return {k.removeprefix(OURS): v for k, v in values.items() if k.startswith(OURS)}


def _epoch(moment: datetime | None) -> float | None:
    return moment.timestamp() if moment else None
