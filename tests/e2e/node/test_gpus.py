"""One cluster that joins itself, simulated GPUs on its real node, and a workload that uses them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from installation import Cluster, Installed, eventually, install, started
from prometheus_client.parser import text_string_to_metric_families

from infra.local.node import Network

pytestmark = pytest.mark.node

GPUS = 4
AGENTS = "neurox-system-agent"
WORK = "neurox-work"
IMAGE = "ghcr.io/neurox/agent-simulated:0.2.0"
SLEEP = "import time; time.sleep(600)"
SEEN_SECONDS = 90
"""From a change on the node to the API: process lists, scrape, and the loop that copies samples."""
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
def installed(solo: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Both planes in one cluster; then what NOTES say, and a team that may use the GPUs."""
    agent = ("simulated=true", f"simulatedGpus.count={GPUS}", "simulatedGpus.model=Tesla-T4")
    values = ("workload.enabled=true", *(f"workload.agent.{value}" for value in agent))
    found = install(solo, tmp_path_factory.mktemp("ca"), *values)
    (command,) = re.findall(r"kubectl label node NODE .*", found.notes)
    solo.run(*command.replace("NODE", "solo").split())
    solo.kubectl("create", "namespace", WORK)
    solo.kubectl("label", "namespace", WORK, "neurox.io/managed=true")
    found.send("PUT", "/pools/t4", {"selector": {"nvidia.com/gpu.product": "Tesla-T4"}})
    found.send("PUT", "/groups/robots", {})
    arms = {"groups": ["robots"], "pools": ["t4"], "namespace": WORK}
    found.send("PUT", "/projects/arms", arms)
    return found


def gpus(installed: Installed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = installed.send("GET", "/gpus")["items"]
    return found


def offered(installed: Installed) -> str | None:
    """How many GPUs the node says it can give to pods."""
    (node,) = installed.cluster.items("nodes")
    found: str | None = node["status"]["allocatable"].get("nvidia.com/gpu")
    return found


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
    def state() -> str:
        found = installed.send("GET", "/clusters")["items"]
        return found[0]["state"] if found else "none"

    eventually("local is connected", lambda: state() == "connected", 60)
    (local,) = installed.send("GET", "/clusters")["items"]
    assert local["name"] == "local"


def test_the_kubelet_offers_the_gpus_and_the_portal_shows_them_simulated(
    installed: Installed,
) -> None:
    eventually("the kubelet offers GPUs", lambda: offered(installed) == str(GPUS), 60)
    eventually("the API shows them", lambda: len(gpus(installed)) == GPUS, SEEN_SECONDS)
    eventually("simulated", lambda: all(gpu["simulated"] for gpu in gpus(installed)), SEEN_SECONDS)
    assert {(gpu["model"], gpu["state"]) for gpu in gpus(installed)} == {("Tesla T4", "free")}


def test_a_workload_is_a_real_pod_whose_process_uses_its_gpus_until_it_is_stopped(
    installed: Installed,
) -> None:
    installed.send("PUT", "/quotas/t4/robots", {"gpus": GPUS})
    body = {"name": "train", "project": "arms", "group": "robots", "pool": "t4"}
    body |= {"gpus_per_pod": 2, "image": IMAGE, "command": ["python3", "-c", SLEEP]}
    workload = installed.send("POST", "/workloads", body)

    def mine() -> list[dict[str, Any]]:
        return [gpu for gpu in gpus(installed) if gpu["workload_id"] == workload["id"]]

    def busy() -> bool:
        return len(mine()) == 2 and all((gpu["utilization"] or 0) > 0 for gpu in mine())

    def now() -> dict[str, Any]:
        found: dict[str, Any] = installed.send("GET", f"/workloads/{workload['id']}")
        return found

    eventually("it runs", lambda: now()["state"] == "Running", 60)
    (pod,) = installed.cluster.items("pods", "-l", f"neurox.io/intent={workload['id']}")
    assert pod["status"]["phase"] == "Running"
    assert pod["spec"]["nodeName"] == "solo"
    eventually("its GPUs show use", busy, SEEN_SECONDS)
    name = pod["metadata"]["name"]
    assert metrics(installed.cluster, "neurox_pod_gpu_memory_used_bytes")[name] > 0
    assert metrics(installed.cluster, "neurox_agent_unresolved_pids") == {"": 0}
    words = ("exec", "daemonset/neurox-agent", "-c", "agent", "--", "python3", "-c", CMDLINES)
    assert SLEEP in installed.cluster.kubectl("-n", AGENTS, *words)

    installed.send("DELETE", f"/workloads/{workload['id']}")

    def idle() -> bool:
        return all(gpu["state"] == "free" and gpu["utilization"] == 0 for gpu in gpus(installed))

    eventually("it is stopped", lambda: now()["state"] == "Stopped", 60)
    eventually("all GPUs are free and do nothing", idle, SEEN_SECONDS)
    assert metrics(installed.cluster, "neurox_pod_gpu_memory_used_bytes") == {}


def test_a_kubelet_that_starts_again_gets_the_gpus_again(installed: Installed) -> None:
    logs = Path(f"/proc/{installed.cluster.node.pid}/root/var/log/pods")

    def registrations() -> int:
        # By way of the node, for kubectl asks the kubelet.
        found = logs.glob(f"{AGENTS}_*/simulated-node/*.log")
        return sum(path.read_text().count("is registered") for path in found)

    before = registrations()
    assert before > 0
    (kubelet,) = [
        process
        for process in psutil.Process(installed.cluster.node.pid).children(recursive=True)
        if process.name() == "kubelet"
    ]
    kubelet.kill()
    eventually("it is registered again", lambda: registrations() > before, 60)
    eventually("the kubelet offers GPUs", lambda: offered(installed) == str(GPUS), 60)
