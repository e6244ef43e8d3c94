"""Two clusters that join at once stay apart, though their nodes and namespaces have equal names."""

import json
import re
from collections.abc import Iterator

import fleet as fleets
import kubernetes
import pytest
import requests
from fleet import Fleet, eventually

from portal.client import Client
from portal.schemas import GroupIn, PoolIn, ProjectIn, WorkloadIn, WorkloadOut

pytestmark = pytest.mark.slow
CLUSTERS = ("sandbox-1", "sandbox-2")
NAMESPACE = "neurox-work"
GPUS = 2


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Real Thanos, and two of etcd, API server, manager, relay-client, Prometheus and agent."""
    asked = ("--clusters", "2", "--nodes", "1", "--gpus", str(GPUS), "--no-demo")
    running = fleets.start(tmp_path_factory.mktemp("pair"), *asked)
    try:
        yield fleets.await_address(running)
    finally:
        running.stop()


@pytest.fixture(scope="module")
def client(pair: Fleet) -> Client:
    api = pair.client()
    eventually("all GPUs in the API", lambda: api.gpus.list(limit=1).total == 2 * GPUS, 120)
    eventually("samples", lambda: all(gpu.state != "stale" for gpu in api.gpus.all()), 90)
    return api


def own_gpus(pair: Fleet, cluster: str) -> set[str]:
    """The truth: the uuids that the cluster's simulated driver was given."""
    nodes = pair.folder / "state/clusters" / cluster / "nodes"
    text = "".join(path.read_text() for path in nodes.glob("*/scenario"))
    return set(re.findall(r"GPU-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", text))


def pods(pair: Fleet, cluster: str) -> set[str]:
    """What the cluster's own API server holds."""
    file = pair.folder / "state/clusters" / cluster / "kubernetes/kubeconfig/admin.yaml"
    with kubernetes.config.new_client_from_config(str(file)) as connection:
        found = kubernetes.client.CoreV1Api(connection).list_namespaced_pod(NAMESPACE)
    return {pod.metadata.name for pod in found.items}


def test_each_clusters_state_is_its_own(pair: Fleet, client: Client) -> None:
    told = {name: set[str]() for name in CLUSTERS}
    for gpu in client.gpus.all():
        told[gpu.cluster].add(gpu.uuid)
    assert told == {name: own_gpus(pair, name) for name in CLUSTERS}
    assert [len(uuids) for uuids in told.values()] == [GPUS, GPUS]


def test_each_clusters_series_are_under_its_own_tenant_alone(pair: Fleet, client: Client) -> None:
    state = json.loads((pair.folder / "state/state.json").read_text())
    url = f"http://127.0.0.1:{state['ports']['thanos-query-http']}/api/v1/query"
    query = 'count by (tenant_id, uuid) ({__name__=~"neurox_gpu_.+", uuid!=""})'
    answer = requests.get(url, params={"query": query}, timeout=30).json()
    found: dict[str, set[str]] = {}
    for row in answer["data"]["result"]:
        found.setdefault(row["metric"]["tenant_id"], set()).add(row["metric"]["uuid"])
    assert found == {client.clusters.get(name).id: own_gpus(pair, name) for name in CLUSTERS}


def test_each_clusters_work_is_made_and_ended_in_it_alone(pair: Fleet, client: Client) -> None:
    client.pools.put("all", PoolIn())
    client.groups.put("robots", GroupIn())
    client.projects.put("arms", ProjectIn(groups=["robots"], pools=["all"], namespace=NAMESPACE))
    client.quotas.put("all", "robots", 2 * GPUS)
    asked = WorkloadIn(name="same", project="arms", group="robots", pool="all", gpus_per_pod=GPUS)
    ids = [client.workloads.create(asked).id for _ in CLUSTERS]
    seen = {work.cluster: work for work in [runs(client, each) for each in ids]}
    assert set(seen) == set(CLUSTERS), "each has room for one"
    names = {name: {pod.name for pod in seen[name].members} for name in CLUSTERS}
    assert names == {name: pods(pair, name) for name in CLUSTERS}
    first, second = CLUSTERS
    client.workloads.stop(seen[first].id)
    eventually("its pod is gone", lambda: not pods(pair, first))
    assert pods(pair, second) == names[second]
    assert client.workloads.get(seen[second].id).state == "Running"


def runs(client: Client, workload_id: str) -> WorkloadOut:
    """The workload, once it has all its pods."""

    def probe() -> WorkloadOut | None:
        seen = client.workloads.get(workload_id)
        return seen if seen.state == "Running" and seen.members else None

    return eventually("the workload runs", probe, 90)
