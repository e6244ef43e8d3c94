"""This machine's own GPUs, when it has an NVIDIA driver: one more node, without a kubelet."""

import json
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import step
from infra.local.errors import LocalError
from infra.local.sandbox.kube import Kube

ANSWER_SECONDS = 30.0
"""Without persistence mode a driver first wakes every GPU, which takes seconds each."""
LABEL = "neurox.io/this-machine"
NAME_MAX, LABEL_MAX = 60, 63


@dataclass(frozen=True)
class RealNode:
    """A name that no simulated node has, how many GPUs, and the model of the first."""

    name: str
    gpus: int
    model: str


def find(state: Path, say: Callable[[str], None]) -> RealNode | None:
    """None without a driver, and with one that does not work, of which ``say`` is told."""
    what = "this machine's NVIDIA driver"
    try:
        text = step.python(what, ("infra.local.driver",), {}, state, ANSWER_SECONDS)
    except LocalError as trouble:
        say(f"{trouble}; its GPUs are left out")
        return None
    found = json.loads(text)
    if found is None:
        return None
    return RealNode(_node_name(platform.node()), found["count"], found["model"])


def settle(kube: Kube, real: RealNode | None) -> None:
    """Make the node what it is now; one of a former start that is no more goes."""
    found = kube.get(f"/api/v1/nodes?labelSelector={LABEL.replace('/', '%2F')}")["items"]
    for name in (one["metadata"]["name"] for one in found):
        if real is None or name != real.name:
            kube.delete(f"/api/v1/nodes/{name}")
    if real is not None:
        kube.apply(node(real))
        kube.apply(node_status(real), "status")


def node(real: RealNode) -> dict[str, Any]:
    """Its manifest: kwok says that it lives, for no kubelet does; so no pod may run there."""
    product = re.sub(r"[^A-Za-z0-9_.-]+", "-", real.model)[:LABEL_MAX].strip("-_.")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": real.name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                LABEL: "true",
                "kubernetes.io/hostname": real.name,
                "kubernetes.io/os": "linux",
                "nvidia.com/gpu.product": product,
                "nvidia.com/gpu.count": str(real.gpus),
            },
        },
        "spec": {"unschedulable": True},
    }


def node_status(real: RealNode) -> dict[str, Any]:
    """Its GPUs."""
    room = {"nvidia.com/gpu": str(real.gpus)}
    status = {"capacity": room, "allocatable": room}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": real.name}, "status": status}


def _node_name(host: str) -> str:
    short = re.sub(r"[^a-z0-9-]+", "-", host.partition(".")[0].lower()).strip("-")
    return f"real-{short or 'this-machine'}"[:NAME_MAX].rstrip("-")
