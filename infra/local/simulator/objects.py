"""The few fields of nodes and pods that the simulator needs, out of the API server's JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESOURCE = "nvidia.com/gpu"
LOAD = "neurox.io/simulated-load"
THROTTLE, XID = "neurox.io/simulated-throttle", "neurox.io/simulated-xid"
CLOCK_EVENTS = ("power_cap", "thermal", "hw_slowdown", "hw_thermal", "power_brake")
XID_MOST = 999


@dataclass(frozen=True)
class Node:
    """A simulated GPU node."""

    name: str
    product: str
    gpus: int


@dataclass(frozen=True)
class Pod:
    """A pod that asks for GPUs. ``created`` is the API server's text, which sorts by time."""

    uid: str
    namespace: str
    name: str
    node: str
    phase: str
    created: str
    containers: tuple[tuple[str, int], ...]
    """Container names and the GPUs each asks for."""
    load: float | None = None
    """What the annotation asks for, 0 to 1; None where it does not."""
    clock_event: str = ""
    """What holds the clocks of its first GPU back while it runs."""
    xid: int = 0
    """The error that the driver reports of its first GPU when it starts; 0 for none."""

    @property
    def gpus(self) -> int:
        """GPUs of all containers."""
        return sum(count for _, count in self.containers)

    @property
    def holds(self) -> bool:
        """Whether a kubelet would keep devices for it: from its binding until it has ended."""
        return bool(self.node) and self.phase in ("Pending", "Running")


def node(document: Mapping[str, Any]) -> Node:
    """Read a Node."""
    metadata, status = document["metadata"], document.get("status", {})
    return Node(
        name=metadata["name"],
        product=metadata.get("labels", {}).get("nvidia.com/gpu.product", ""),
        gpus=_count(status.get("allocatable", {}).get(RESOURCE)),
    )


def pod(document: Mapping[str, Any]) -> Pod:
    """Read a Pod."""
    metadata, spec = document["metadata"], document.get("spec", {})
    asked = (
        (one["name"], _count(one.get("resources", {}).get("limits", {}).get(RESOURCE)))
        for one in spec.get("containers", ())
    )
    annotations = metadata.get("annotations", {})
    return Pod(
        uid=metadata["uid"],
        namespace=metadata["namespace"],
        name=metadata["name"],
        node=spec.get("nodeName") or "",
        phase=document.get("status", {}).get("phase", "Pending"),
        created=metadata.get("creationTimestamp") or "",
        containers=tuple((name, count) for name, count in asked if count),
        load=_ratio(annotations.get(LOAD)),
        clock_event=_one_of(CLOCK_EVENTS, annotations.get(THROTTLE)),
        xid=min(_count(annotations.get(XID)), XID_MOST),
    )


def _count(text: object) -> int:
    try:
        return max(0, int(str(text)))
    except ValueError:
        return 0


def _one_of(known: tuple[str, ...], text: object) -> str:
    return str(text) if text in known else ""


def _ratio(text: object) -> float | None:
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if 0 <= value <= 1 else None
