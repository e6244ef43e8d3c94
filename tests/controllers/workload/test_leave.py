"""``neurox cluster leave`` where one release holds both planes, against a real API server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from controllers.workload.kube import KubeApi
from infra.local.sandbox.processes import SandboxCluster

pytestmark = pytest.mark.slow
DEPLOYMENTS = "/apis/apps/v1/namespaces/neurox-system/deployments"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


@pytest.fixture
def both_planes(admin: KubeApi) -> Iterator[None]:
    """What is left of chart neurox with workload.enabled=true, as far as leaving looks."""
    names = ("api", "workload-manager")
    for name in names:
        labels = {
            "app.kubernetes.io/part-of": "neurox",
            "app.kubernetes.io/instance": "nx",
            "app.kubernetes.io/component": name,
        }
        pod = {"containers": [{"name": "main", "image": "x"}]}
        template = {"metadata": {"labels": labels}, "spec": pod}
        spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
        meta = {"name": name, "labels": labels}
        body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
        admin.send("POST", DEPLOYMENTS, body)
    yield
    for name in names:
        admin.send("DELETE", f"{DEPLOYMENTS}/{name}", {})


def policies(admin: KubeApi) -> set[str]:
    return {each["metadata"]["name"] for each in json.loads(admin.get(POLICIES))["items"]}


@pytest.mark.usefixtures("both_planes")
@pytest.mark.parametrize("flag", ["--yes", "--dry-run"])
def test_a_release_of_both_planes_is_refused_before_anything_is_deleted(
    admin: KubeApi, cluster: SandboxCluster, flag: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "portal.cli.main", "cluster", "leave", flag],
        env={**os.environ, "KUBECONFIG": str(cluster.admin_kubeconfig)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "helm upgrade nx charts/neurox --namespace neurox-system" in done.stderr
    assert "--set workload.enabled=false" in done.stderr
    assert {"neurox-guard", "neurox-manager-stays-inside"} <= policies(admin)
