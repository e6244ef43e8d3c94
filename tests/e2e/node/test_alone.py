"""The agent without the rest of Neurox, on a real node, scraped by a real Prometheus."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import rights
from installation import NAMESPACE, ROOT, Cluster, eventually, own_node, started
from objects import Object, held, is_left
from scraper import MONITORING, scraper

from infra.images.order import version
from infra.local.node import Network

pytestmark = pytest.mark.node

AGENTS, ACCOUNT = "neurox-system-agent", "neurox-system-agent:neurox-agent"
WORK = "vision"
IMAGE = f"ghcr.io/neurox/agent-simulated:{version()}"
PAGE = "25"
SECONDS = 60
CHART = str(ROOT / "charts" / "neurox-workload")
SIMULATED = "agent.simulated=true,agent.simulatedGpus.count=2,agent.simulatedGpus.model=Tesla-T4"
INSTALL = (
    *("helm", "install", "gpu-agent", CHART, "-n", NAMESPACE, "--create-namespace", "--wait"),
    *("--set", f"agentOnly=true,{SIMULATED}"),
    *("--set-string", r"agent.annotations.prometheus\.io/scrape=true"),
)
MONITORED = ("--reuse-values", "--set", "agent.serviceMonitor.enabled=true")
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "train", "namespace": WORK},
    "spec": {
        "terminationGracePeriodSeconds": 0,
        "containers": [
            {
                "name": "main",
                "image": IMAGE,
                "command": ["python3", "-c", "import time; time.sleep(600)"],
                "resources": {"limits": {"nvidia.com/gpu": 1}},
            }
        ],
    },
}
CRD = "servicemonitors.monitoring.coreos.com"
OPERATOR = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": CRD},
    "spec": {
        "group": "monitoring.coreos.com",
        "scope": "Namespaced",
        "names": {"kind": "ServiceMonitor", "plural": "servicemonitors"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
"""The kind of the Prometheus Operator, without what it says of its fields."""


@pytest.fixture(scope="module")
def alone(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("alone", network, images, tools)


@pytest.fixture(scope="module")
def before(alone: Cluster) -> set[Object]:
    """What the cluster holds without any of it."""
    return held(alone)


@pytest.fixture(scope="module")
def pod(alone: Cluster, before: set[Object]) -> dict[str, Any]:
    """One that holds a GPU, on a node where agents run as NOTES say."""
    notes = alone.run(*INSTALL)
    (command,) = re.findall(r"kubectl label node NODE .*", notes)
    alone.run(*command.replace("NODE", alone.node.name).split())
    alone.kubectl("create", "namespace", WORK)
    apply(alone, POD)
    alone.kubectl("-n", WORK, "wait", "--for=condition=Ready", "--timeout=90s", "pod/train")
    found: dict[str, Any] = json.loads(alone.kubectl("-n", WORK, "get", "pod/train", "-o", "json"))
    return found


def apply(cluster: Cluster, *objects: dict[str, Any]) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(whole))


def page(cluster: Cluster, path: str) -> str:
    """What the agent says there, by way of the API server."""
    (agent,) = json.loads(cluster.kubectl("-n", AGENTS, "get", "pods", "-o", "json"))["items"]
    name = f"{agent['metadata']['name']}:9479"
    return cluster.kubectl("get", "--raw", f"/api/v1/namespaces/{AGENTS}/pods/{name}/proxy{path}")


def series(cluster: Cluster, query: str) -> list[dict[str, str]]:
    """The labels of what Prometheus has of it now."""
    url = f"/api/v1/namespaces/{MONITORING}/pods/prometheus:9090/proxy/api/v1/query?query="
    answer = json.loads(cluster.kubectl("get", "--raw", url + quote(query)))
    return [one["metric"] for one in answer["data"]["result"]]


def test_the_pod_that_holds_a_gpu_is_known_by_its_name_and_uid(
    alone: Cluster, pod: dict[str, Any]
) -> None:
    uid = pod["metadata"]["uid"]
    wanted = (f'namespace="{WORK}"', 'pod="train"', f'pod_uid="{uid}"', 'container="main"')

    def known() -> bool:
        lines = page(alone, "/metrics").splitlines()
        found = [one for one in lines if one.startswith("neurox_pod_gpu_allocation_info{")]
        return len(found) == 1 and all(label in found[0] for label in wanted)

    eventually("the agent names the pod", known, SECONDS)
    told = page(alone, "/metrics").splitlines()
    assert [one for one in told if re.match("neurox_agent_pods_up.* 1(.0)?$", one)]


def test_a_prometheus_of_yours_scrapes_it(alone: Cluster, pod: dict[str, Any]) -> None:
    apply(alone, *scraper())
    alone.kubectl("-n", MONITORING, "wait", "--for=condition=Ready", "pod/prometheus")
    query = f'neurox_pod_gpu_memory_used_bytes{{namespace="{WORK}",pod="train"}} > 0'
    eventually("Prometheus has the pod", lambda: len(series(alone, query)) == 1, SECONDS)
    assert len(series(alone, 'up{job="annotated"} == 1')) == 1
    assert {one["node"] for one in series(alone, "neurox_gpu_up == 1")} == {alone.node.name}


def test_dashboards_of_dcgm_exporter_find_its_names(alone: Cluster, pod: dict[str, Any]) -> None:
    lines = page(alone, "/dcgm/metrics").splitlines()
    found = [one for one in lines if one.startswith("DCGM_FI_DEV_FB_USED{")]
    assert len(found) == 2
    assert len([one for one in found if 'pod="train"' in one]) == 1


def test_it_asked_for_pods_of_its_node_alone_in_pages(alone: Cluster, pod: dict[str, Any]) -> None:
    events = rights.read(own_node(alone).audit_log.read_text())
    alive = "status.phase!=Succeeded,status.phase!=Failed"
    selector = f"spec.nodeName={alone.node.name},{alive}"
    assert rights.queries(events, ACCOUNT) == {
        ("list", "pods", selector, PAGE),
        ("watch", "pods", selector, ""),
    }
    refused = [x for x in rights.ours(events) if x["responseStatus"].get("code") in (401, 403)]
    assert refused == []


def test_it_leaves_the_node_while_the_label_of_the_gpu_operator_says_so(
    alone: Cluster, pod: dict[str, Any]
) -> None:
    def agents() -> list[str]:
        return alone.kubectl("-n", AGENTS, "get", "pods", "-o", "name").split()

    label = ("label", "node", alone.node.name)
    alone.kubectl(*label, "nvidia.com/gpu.deploy.client=paused-for-driver-upgrade")
    eventually("no agent is there", lambda: agents() == [], SECONDS)
    alone.kubectl(*label, "nvidia.com/gpu.deploy.client=true", "--overwrite")
    alone.kubectl("-n", AGENTS, "rollout", "status", "daemonset/neurox-agent", "--timeout=60s")
    eventually("the agent is back", lambda: len(agents()) == 1, SECONDS)


def test_without_the_hosts_processes_it_says_so_and_still_knows_who_holds_what(
    alone: Cluster, pod: dict[str, Any]
) -> None:
    upgrade = ("helm", "upgrade", "gpu-agent", CHART, "-n", NAMESPACE, "--reuse-values", "--wait")

    def told(pattern: str) -> list[str]:
        return [one for one in page(alone, "/metrics").splitlines() if re.match(pattern, one)]

    def rolled(host_pid: str) -> None:
        alone.run(*upgrade, "--set", f"agent.hostPID={host_pid}")
        alone.kubectl("-n", AGENTS, "rollout", "status", "daemonset/neurox-agent", "--timeout=90s")

    rolled("false")
    holds = r'neurox_pod_gpu_allocation_info\{.*pod="train"'
    eventually("the holder is known", lambda: len(told(holds)) == 1, SECONDS)
    assert told(r"neurox_agent_processes_visible.* 0(\.0)?$")
    assert not told("neurox_pod_gpu_memory_used_bytes{")
    rolled("true")
    eventually("its memory", lambda: len(told("neurox_pod_gpu_memory_used_bytes{")) == 1, SECONDS)


def test_a_service_monitor_needs_the_kind_of_its_operator(
    alone: Cluster, pod: dict[str, Any]
) -> None:
    upgrade = ("helm", "upgrade", "gpu-agent", CHART, "-n", NAMESPACE, *MONITORED)
    with pytest.raises(AssertionError, match='no matches for kind "ServiceMonitor"'):
        alone.run(*upgrade)
    apply(alone, OPERATOR)
    alone.kubectl("wait", "--for=condition=Established", f"crd/{CRD}")
    alone.run(*upgrade)
    (made,) = alone.items("servicemonitors.monitoring.coreos.com")
    assert made["metadata"]["namespace"] == AGENTS


def test_uninstalling_it_leaves_nothing(
    alone: Cluster, before: set[Object], pod: dict[str, Any]
) -> None:
    alone.run("helm", "uninstall", "gpu-agent", "-n", NAMESPACE, "--wait")
    alone.kubectl("delete", "namespace", WORK, MONITORING, "--ignore-not-found")
    alone.kubectl("delete", "clusterrole,clusterrolebinding", "prometheus", "--ignore-not-found")
    alone.kubectl("delete", "crd", CRD, "--ignore-not-found")
    is_left(alone, before)
