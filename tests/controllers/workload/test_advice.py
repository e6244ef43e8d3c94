"""What is advised where an API server lacks what the chart should have put there."""

import asyncio
from pathlib import Path

import pytest

from controllers.relay.client.kubernetes import Access, Kubernetes, KubernetesError
from controllers.workload.kube import KubeApi
from infra.local.sandbox.processes import SandboxCluster

pytestmark = pytest.mark.slow
NAMESPACE, KEY = "neurox-system", "neurox-relay-key"
RIGHTS = Path(__file__).parents[3] / "charts" / "neurox-workload" / "files"


def refusal(kubeconfig: Path, secret: str) -> str:
    async def ask() -> None:
        kubernetes = Kubernetes(Access.of(kubeconfig), NAMESPACE)
        try:
            await kubernetes.secret(secret)
        finally:
            kubernetes.close()

    with pytest.raises(KubernetesError) as caught:
        asyncio.run(ask())
    return str(caught.value)


def test_a_lost_secret_or_right_comes_back_by_an_upgrade_of_whichever_chart(
    cluster: SandboxCluster, admin: KubeApi
) -> None:
    objects = cluster.objects()
    account = objects.token_kubeconfig("neurox-relay-client", NAMESPACE)
    admin.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}/secrets/{KEY}", {})
    try:
        lost = refusal(account, KEY)
    finally:
        objects.apply_folder(RIGHTS)
        objects.close()
    assert lost.endswith("was answered 404; the chart renders this object, run helm upgrade again")
    denied = refusal(account, "of-others")
    assert denied.endswith("was answered 403; the chart gives this right, run helm upgrade again")
