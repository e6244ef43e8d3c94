"""The nodes and namespaces of a sandbox as manifests. Pure."""

from typing import Any

SYSTEM = "neurox-system"
MANAGED = ("neurox-work", "vision", "speech", "language")
MODELS = ("NVIDIA-H200", "NVIDIA-H100-80GB-HBM3")
"""The first half of the nodes has the first, the rest the second, so that two pools make sense."""
RACKS = ("rack-a", "rack-b")


def namespaces() -> list[dict[str, Any]]:
    """Ours, and those in which the manager may create workloads."""
    return [_namespace(SYSTEM, {})] + [
        _namespace(name, {"neurox.io/managed": "true"}) for name in MANAGED
    ]


def node_names(nodes: int) -> list[str]:
    """gpu-1, gpu-2, ..."""
    return [f"gpu-{number}" for number in range(1, nodes + 1)]


def model(index: int, nodes: int) -> str:
    """The GPU model of the node at ``index`` (from 0) of ``nodes``."""
    return MODELS[0] if index < (nodes + 1) // 2 else MODELS[1]


def node(index: int, nodes: int, gpus: int) -> dict[str, Any]:
    """A node that kwok keeps alive, and that only pods which say so may use."""
    name = node_names(nodes)[index]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                "neurox.io/simulated": "true",
                "nvidia.com/gpu.product": model(index, nodes),
                "nvidia.com/gpu.count": str(gpus),
                "topology.kubernetes.io/zone": RACKS[index % len(RACKS)],
            },
        },
        "spec": {
            "taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]
        },
    }


def node_status(name: str, gpus: int) -> dict[str, Any]:
    """What the node's kubelet and device plugin would report; bytes as Kubernetes quantities."""
    room = {
        "cpu": "128",
        "memory": "2Ti",
        "ephemeral-storage": "1Ti",
        "pods": "110",
        "nvidia.com/gpu": str(gpus),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"capacity": room, "allocatable": room},
    }


def _namespace(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
