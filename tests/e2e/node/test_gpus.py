"""One cluster that joins itself, simulated GPUs on its real node, and a workload that uses them.

The last tests are about all that came before: who used which right, and what uninstalling leaves.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import rights
from form import Form
from installation import (
    NAMESPACE,
    ROOT,
    Cluster,
    Installed,
    eventually,
    install,
    own_node,
    started,
)
from objects import KEPT, Object, held, is_left
from prometheus_client.parser import text_string_to_metric_families

from infra.images.order import version
from infra.local.node import Network

pytestmark = pytest.mark.node

GPUS = 4
AGENT = ("simulated=true", f"simulatedGpus.count={GPUS}", "simulatedGpus.model=Tesla-T4")
VALUES = ("workload.enabled=true", *(f"workload.agent.{value}" for value in AGENT))
AGENTS = "neurox-system-agent"
WORK = "neurox-work"
IMAGE = f"ghcr.io/neurox/agent-simulated:{version()}"
SLEEP = "import time; time.sleep(600)"
SEEN_SECONDS = 90
"""From a change on the node to the API: process lists, scrape, and the loop that copies samples."""
MANAGER = "neurox-system:neurox-workload-manager"
RARE = {
    # Kubernetes of this version sends the list by the watch; older ones are asked for it.
    rights.Right("neurox-system:neurox-prometheus", "list", "pods", AGENTS, ""),
    # Whether the Job whose name is taken is this intent's own: after an answer that got lost.
    rights.Right(MANAGER, "get", "jobs.batch", "", ""),
}
"""Rights that are there for what cannot be brought about here."""
CMDLINES = """
import re
text = open("/run/neurox/simulated/scenario").read()
for pid in sorted(set(re.findall(r"^process = (\\d+)", text, re.M))):
    print(open(f"/proc/{pid}/cmdline").read().split(chr(0)))
"""


@pytest.fixture(scope="module")
def solo(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("solo", network, images, tools)


@pytest.fixture(scope="module")
def before(solo: Cluster) -> set[Object]:
    """What a cluster without Neurox holds."""
    return held(solo)


@pytest.fixture(scope="module")
def installed(
    solo: Cluster, before: set[Object], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    """Both planes in one cluster; then what NOTES say, and a team that may use the GPUs."""
    found = install(solo, tmp_path_factory.mktemp("ca"), *VALUES)
    (command,) = re.findall(r"kubectl label node NODE .*", found.notes)
    solo.run(*command.replace("NODE", solo.node.name).split())
    solo.kubectl("create", "namespace", WORK)
    solo.kubectl("label", "namespace", WORK, "neurox.io/managed=true")
    found.send("PUT", "/pools/t4", {"selector": {"nvidia.com/gpu.product": "Tesla-T4"}})
    found.send("PUT", "/groups/robots", {})
    arms = {"groups": ["robots"], "pools": ["t4"], "namespace": WORK}
    found.send("PUT", "/projects/arms", arms)
    yield found
    solo.kubectl("label", "node", solo.node.name, "neurox.io/simulated-", "nvidia.com/gpu.product-")


def gpus(installed: Installed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = installed.send("GET", "/gpus")["items"]
    return found


def state(installed: Installed) -> str:
    """Of the only cluster, once it is known."""
    found = installed.send("GET", "/clusters")["items"]
    return found[0]["state"] if found else "none"


def offered(installed: Installed) -> str | None:
    """How many GPUs the node says it can give to pods."""
    cluster = installed.cluster
    node = json.loads(cluster.kubectl("get", "node", cluster.node.name, "-o", "json"))
    found: str | None = node["status"]["allocatable"].get("nvidia.com/gpu")
    return found


def submit(installed: Installed, **typed: str) -> str:
    """Fill in the portal's form and press Submit, without JavaScript; the workload's id."""
    form = Form(installed.get("/workloads/new").text, "/workloads/new")
    answer = installed.browser.post(
        f"{installed.url}/workloads/new",
        data={**form.filled(**typed), "action": "submit"},
        headers={"Origin": installed.url},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    assert typed["name"] in answer.text
    return answer.url.rpartition("/workloads/")[2]


def metrics(cluster: Cluster, name: str) -> dict[str, float]:
    """One of the agent's metrics by the label ``pod``."""
    (agent,) = json.loads(cluster.kubectl("-n", AGENTS, "get", "pods", "-o", "json"))["items"]
    pod = f"/api/v1/namespaces/{AGENTS}/pods/{agent['metadata']['name']}:9479"
    text = cluster.kubectl("get", "--raw", f"{pod}/proxy/metrics")
    return {
        sample.labels.get("pod", ""): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_the_cluster_joins_itself(installed: Installed) -> None:
    eventually("local is connected", lambda: state(installed) == "connected", 60)
    (local,) = installed.send("GET", "/clusters")["items"]
    assert local["name"] == "local"


def test_the_kubelet_offers_the_gpus_and_the_portal_shows_them_simulated(
    installed: Installed,
) -> None:
    eventually("the kubelet offers GPUs", lambda: offered(installed) == str(GPUS), 60)
    eventually("the API shows them", lambda: len(gpus(installed)) == GPUS, SEEN_SECONDS)
    eventually("simulated", lambda: all(gpu["simulated"] for gpu in gpus(installed)), SEEN_SECONDS)
    assert {(gpu["model"], gpu["state"]) for gpu in gpus(installed)} == {("Tesla T4", "free")}
    # The cluster has to hear of the pool, and to report which nodes are in it.
    eventually(
        "the pool has them",
        lambda: installed.send("GET", "/pools/t4")["gpus"] == GPUS,
        SEEN_SECONDS,
    )


def test_a_workload_of_the_portals_form_is_a_real_pod_that_uses_its_gpus_until_it_is_stopped(
    installed: Installed,
) -> None:
    installed.send("PUT", "/quotas/t4/robots", {"gpus": GPUS})
    asked = {"name": "train", "project": "arms", "group": "robots", "pool": "t4"}
    command = shlex.join(["python3", "-c", SLEEP])
    workload = submit(installed, **asked, gpus_per_pod="2", image=IMAGE, command=command)

    def mine() -> list[dict[str, Any]]:
        return [gpu for gpu in gpus(installed) if gpu["workload_id"] == workload]

    def busy() -> bool:
        return len(mine()) == 2 and all((gpu["utilization"] or 0) > 0 for gpu in mine())

    def now() -> dict[str, Any]:
        found: dict[str, Any] = installed.send("GET", f"/workloads/{workload}")
        return found

    eventually("it runs", lambda: now()["state"] == "Running", 60)
    (pod,) = installed.cluster.items("pods", "-l", f"neurox.io/intent={workload}")
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] == installed.cluster.node.name
    eventually("its GPUs show use", busy, SEEN_SECONDS)
    name = pod["metadata"]["name"]
    assert metrics(installed.cluster, "neurox_pod_gpu_memory_used_bytes")[name] > 0
    assert metrics(installed.cluster, "neurox_agent_unresolved_pids") == {"": 0}
    assert metrics(installed.cluster, "neurox_agent_pods_up") == {"": 1}
    words = ("exec", "daemonset/neurox-agent", "-c", "agent", "--", "python3", "-c", CMDLINES)
    assert SLEEP in installed.cluster.kubectl("-n", AGENTS, *words)

    installed.send("DELETE", f"/workloads/{workload}")

    def idle() -> bool:
        return all(gpu["state"] == "free" and gpu["utilization"] == 0 for gpu in gpus(installed))

    eventually("it is stopped", lambda: now()["state"] == "Stopped", 60)
    eventually("all GPUs are free and do nothing", idle, SEEN_SECONDS)
    assert metrics(installed.cluster, "neurox_pod_gpu_memory_used_bytes") == {}


def test_a_kubelet_that_starts_again_gets_the_gpus_again(installed: Installed) -> None:
    node = own_node(installed.cluster)
    logs = Path(f"/proc/{node.pid}/root/var/log/pods")

    def registrations() -> int:
        # By way of the node, for kubectl asks the kubelet.
        found = logs.glob(f"{AGENTS}_*/simulated-node/*.log")
        return sum(path.read_text().count("is registered") for path in found)

    before = registrations()
    assert before > 0
    (kubelet,) = [
        process
        for process in psutil.Process(node.pid).children(recursive=True)
        if process.name() == "kubelet"
    ]
    kubelet.kill()
    eventually("it is registered again", lambda: registrations() > before, 60)
    eventually("the kubelet offers GPUs", lambda: offered(installed) == str(GPUS), 60)


def test_every_right_is_used_and_none_is_missing(installed: Installed) -> None:
    cluster = installed.cluster
    events = rights.read(own_node(cluster).audit_log.read_text())
    kinds = "roles,clusterroles,rolebindings,clusterrolebindings"
    granted = rights.granted(cluster.items(kinds))
    used = rights.used(events)
    refused = [x for x in rights.ours(events) if x["responseStatus"].get("code") in (401, 403)]
    assert refused == []
    assert {use for use in used if not any(right.covers(use) for right in granted)} == set()
    idle = {right for right in granted if not any(right.covers(use) for use in used)}
    assert idle == RARE
    selectors = {asked[2] for asked in rights.queries(events, f"{AGENTS}:neurox-agent")}
    assert {one.split(",")[0] for one in selectors} == {f"spec.nodeName={cluster.node.name}"}


def test_uninstalled_and_installed_again_the_cluster_comes_back_by_itself(
    installed: Installed, before: set[Object]
) -> None:
    cluster = installed.cluster
    cluster.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    keys = ("Secret/neurox-join", "Secret/neurox-relay-key", "Secret/neurox-hub-keys")
    is_left(cluster, before, *KEPT, *keys, f"Namespace/{WORK}")

    again = ("--set", ",".join((f"expose.host={cluster.node.address}", *VALUES)))
    words = ("-n", NAMESPACE, *again, "--wait", "--timeout", "180s")
    cluster.run("helm", "install", "neurox", str(ROOT / "charts" / "neurox"), *words)
    installed.await_news_of("local", 60)


def test_uninstalling_leaves_nothing_when_data_is_not_kept(
    installed: Installed, before: set[Object]
) -> None:
    cluster, chart = installed.cluster, str(ROOT / "charts" / "neurox")
    words = ("--reset-then-reuse-values", "--set", "keepData=false", "--wait", "--timeout", "120s")
    cluster.run("helm", "upgrade", "neurox", chart, "-n", NAMESPACE, *words)
    cluster.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    is_left(cluster, before, f"Namespace/{WORK}")
