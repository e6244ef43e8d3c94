"""What an upgrade touches: pods by component and version, and the samples that still come."""

import json

from installation import NAMESPACE, Cluster, Installed

PARTS = ("-l", "app.kubernetes.io/part-of=neurox")
KEPT = ("redis-0", "thanos-receive-0")
"""Pods with a volume, of which there is one: to restart them is to be away for a moment."""


def pods(cluster: Cluster) -> dict[str, str]:
    """The pods of the control plane: uid by name, an older one that has not ended yet too."""
    return {
        pod["metadata"]["name"].removeprefix("neurox-"): pod["metadata"]["uid"]
        for pod in cluster.items("pods", *PARTS)
    }


def of_version(cluster: Cluster, version: str) -> list[str]:
    """Pods with images of ours in that version."""
    return [
        pod["metadata"]["name"]
        for pod in cluster.items("pods", *PARTS)
        if any(one["image"].endswith(f":{version}") for one in pod["spec"]["containers"])
    ]


def component(pod: str) -> str:
    """Of the name without the release's: deployment, hash, pod."""
    return pod.rsplit("-", 2)[0] if pod not in KEPT else pod.removesuffix("-0")


def samples(installed: Installed, metric: str) -> list[list[float]]:
    """The times of all samples of the last quarter of an hour, series by series."""
    query = f"/api/v1/query?query={metric}[15m]"
    service = f"/api/v1/namespaces/{NAMESPACE}/services/neurox-thanos-query:http/proxy"
    found = json.loads(installed.cluster.kubectl("get", "--raw", service + query))
    return [[float(at) for at, _ in one["values"]] for one in found["data"]["result"]]
