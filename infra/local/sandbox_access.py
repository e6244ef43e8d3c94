"""A sandbox cluster as our processes see it: by two ServiceAccounts, never as its admin."""

from dataclasses import replace
from pathlib import Path

from infra.local import document, real_node
from infra.local.once import Once
from infra.local.process import Process
from infra.local.real_node import RealNode
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.processes import SandboxCluster
from infra.local.workload_cluster import NAMESPACE, Kubernetes

MANAGER, RELAY = "neurox-workload-manager", "neurox-relay-client"
ACCOUNTS = (MANAGER, RELAY)
"""The ServiceAccounts of the chart."""
RIGHTS = Path(__file__).parents[2] / "charts" / "neurox-workload" / "files"
"""What the chart installs as it is: ServiceAccounts, roles, empty objects, admission policies."""


def kubeconfig_name(account: str) -> str:
    """The file of a ServiceAccount's kubeconfig."""
    return f"{NAMESPACE}.{account}.yaml"


def access(cluster: SandboxCluster, folder: Path, real: RealNode | None) -> Kubernetes:
    """What the manager and the relay-client need of it."""

    def prepare() -> None:
        objects = cluster.objects()
        try:
            objects.apply_namespaces()
            objects.apply_nodes()
            objects.apply_folder(RIGHTS)
            for account in ACCOUNTS:
                objects.token_kubeconfig(account, NAMESPACE)
        finally:
            objects.close()
        _settle_real(cluster, real)

    def apply(text: str) -> None:
        objects = cluster.objects()
        try:
            objects.apply_text(text, "the join Secret")
        finally:
            objects.close()

    kubeconfigs = folder / "kubeconfig"
    return Kubernetes(
        needs=(f"{cluster.name}/kube-apiserver",),
        prepare=Once(prepare),
        apply=apply,
        manager_kubeconfig=kubeconfigs / kubeconfig_name(MANAGER),
        relay_kubeconfig=kubeconfigs / kubeconfig_name(RELAY),
    )


def _settle_real(cluster: SandboxCluster, real: RealNode | None) -> None:
    admin = document.read(cluster.admin_kubeconfig)
    where, user = admin["clusters"][0]["cluster"], admin["users"][0]["user"]
    client = Path(user["client-certificate"]), Path(user["client-key"])
    kube = Kube(where["server"], Path(where["certificate-authority"]), client)
    try:
        real_node.settle(kube, real)
    finally:
        kube.close()


def servers(cluster: SandboxCluster) -> list[Process]:
    """The cluster's own processes; its certificates are made before the first starts."""
    prepare = Once(cluster.prepare)
    return [one if one.needs else replace(one, prepare=prepare) for one in cluster.processes()]
