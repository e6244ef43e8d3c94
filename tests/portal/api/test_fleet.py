"""Clusters, nodes, GPUs and the overview show what is known and how old it is."""

import time
from typing import Any

import pytest
from neurox_web import Web, cluster, gpu, holder, policy, running

from controllers.domain.cluster import Cluster, Node, StateDelta
from controllers.domain.gpu import Xid
from controllers.store.states import States


def one(web: Web, path: str) -> Any:
    answer = web.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json


def old_report(web: Web, seconds: float) -> Cluster:
    """A cluster whose one node was last reported so long ago."""
    made = Cluster("c-old", "old", 0.0)
    web.stores.clusters.add(made)

    States(web.stores.redis, lambda: time.time() - seconds).apply(
        made.id,
        StateDelta(
            epoch="e",
            revision=1,
            full=True,
            observed_at=0.0,
            kubernetes_version="v1",
            manager_version="0",
            nodes={"n": Node("n", True, False, 8, 3, "a")},
        ),
    )
    return made


def test_a_cluster_that_never_joined_waits(web: Web) -> None:
    web.stores.clusters.add(Cluster("1", "east", 0.0))
    shown = one(web, "/clusters/east")
    assert (shown["state"], shown["reported_at"], shown["report_age_seconds"]) == (
        "waiting",
        None,
        None,
    )
    assert shown["utilization"] is None


def test_a_connected_cluster_counts_its_parts(web: Web) -> None:
    policy(web)
    made = cluster(web, workloads={"w1": running("w1")})
    web.stores.samples.put(made.id, [gpu(0), gpu(1, utilization=0.1), gpu(2, age=60)])
    shown = one(web, "/clusters/east")
    assert (shown["state"], shown["nodes"], shown["nodes_ready"]) == ("connected", 2, 2)
    assert (shown["gpus"], shown["running"], shown["simulated"]) == (16, 1, True)
    assert shown["utilization"] == 0.3
    assert shown["sample_age_seconds"] < 5


def test_a_silent_cluster_is_lost_and_its_counts_keep_their_age(web: Web) -> None:
    old_report(web, 46)
    shown = one(web, "/clusters/old")
    assert shown["state"] == "lost"
    assert 46 <= shown["report_age_seconds"] < 60
    assert (shown["gpus"], shown["gpus_allocated"]) == (8, 3)
    assert one(web, "/nodes/n")["state"] == "unknown"


def test_a_gpu_is_busy_idle_free_faulty_or_stale(web: Web) -> None:
    made = cluster(web, workloads={"w1": running("w1")})
    held = {"holders": (holder(),)}
    web.stores.samples.put(
        made.id,
        [
            gpu(0, utilization=0.05, **held),
            gpu(1, utilization=0.049, **held),
            gpu(2),
            gpu(3, up=False, **held),
            gpu(4, age=46, **held),
            gpu(5, utilization=None, **held),
        ],
    )
    states = [item["state"] for item in one(web, "/gpus?sort=index")["items"]]
    assert states == ["busy", "idle", "free", "fault", "stale", "allocated"]


def test_an_old_sample_shows_no_readings_but_still_whose_gpu_it_is(web: Web) -> None:
    made = cluster(web, workloads={"w1": running("w1")})
    web.stores.samples.put(made.id, [gpu(0, age=46, power_watts=70.0, holders=(holder(),))])
    shown = one(web, "/gpus/GPU-east-0-0")
    for reading in ("utilization", "memory_used_bytes", "power_watts", "temperature_celsius"):
        assert shown[reading] is None
    assert (shown["workload_id"], shown["user"], shown["pod"]) == ("w1", "mia", "train-0")
    assert shown["sample_age_seconds"] >= 46


def test_a_node_sums_its_fresh_gpus(web: Web) -> None:
    made = cluster(web, workloads={"w1": running("w1")})
    web.stores.samples.put(
        made.id,
        [
            gpu(0, power_watts=100.0, temperature_celsius=50.0),
            gpu(1, power_watts=50.0, temperature_celsius=70.0),
            gpu(2, power_watts=999.0, temperature_celsius=99.0, age=60),
        ],
    )
    shown = one(web, "/nodes/east-0")
    assert (shown["power_watts"], shown["temperature_celsius"]) == (150.0, 70.0)
    assert (shown["memory_used_bytes"], shown["workloads"]) == (2, 1)
    assert one(web, "/nodes/east-1")["power_watts"] is None


def test_nodes_of_one_name_in_two_clusters_are_told_apart(web: Web) -> None:
    old_report(web, 1)
    other = Cluster("2", "other", 0.0)
    web.stores.clusters.add(other)
    delta = StateDelta("e", 1, True, 0.0, "v1", "0", nodes={"n": Node("n", True, True, 4, 0)})
    web.stores.states.apply("2", delta)
    assert web.get("/nodes/n").status_code == 400
    assert one(web, "/nodes/n?cluster=other")["state"] == "cordoned"
    assert web.get("/nodes/n?cluster=none").status_code == 404


@pytest.mark.parametrize("path", ["/clusters/x", "/nodes/x", "/gpus/x", "/gpus/..%2Fx"])
def test_what_is_not_there_is_not_found(web: Web, path: str) -> None:
    assert web.get(path).status_code == 404


def test_the_overview_of_nothing_is_whole(web: Web) -> None:
    shown = one(web, "/overview")
    assert (shown["clusters"], shown["map"], shown["workloads"]) == ([], [], [])
    assert shown["report_age_seconds"] is None
    values = {tile["key"]: tile["value"] for tile in shown["tiles"]}
    assert values["gpus"] == 0
    assert values["utilization"] is None
    assert values["memory"] is None


def test_the_overview_counts_shows_and_warns(web: Web) -> None:
    policy(web)
    made = cluster(web, workloads={"w1": running("w1")})
    samples = [
        gpu(0, utilization=0.01, holders=(holder(),)),
        gpu(1),
        gpu(2, up=False),
        gpu(3, age=99),
    ]
    web.stores.samples.put(made.id, samples)
    old_report(web, 100)
    shown = one(web, "/overview")
    tiles = {tile["key"]: (tile["value"], tile["of"]) for tile in shown["tiles"]}
    assert tiles["idle"] == (1, 1)
    assert tiles["nodes"] == (3, 3)
    assert tiles["clusters"] == (1, 2)
    assert tiles["running"] == (1, None)
    messages = [each["message"] for each in shown["attention"]]
    assert messages[0] == "Cluster old has not reported for 2 min."
    assert "1 GPU is in fault in east." in messages
    assert "1 GPU is allocated and doing nothing in east." in messages
    assert any("without a fresh sample" in message for message in messages)
    assert [w["id"] for w in shown["workloads"]] == ["w1"]
    assert shown["simulated"]


def test_the_overview_counts_the_gpus_with_errors_of_the_hardware(web: Web) -> None:
    made = cluster(web)
    now = time.time()
    hot = Xid(63, 1, now - 9, "warning", "hardware")
    dead = Xid(79, 2, now - 9, "critical", "hardware")
    web.stores.samples.put(made.id, [gpu(0, xids=(hot, dead)), gpu(1, xids=(hot,)), gpu(2)])
    (told,) = (each for each in one(web, "/overview")["attention"] if "XID" in each["message"])
    assert told["message"] == "2 GPUs of east reported hardware errors (XID) in the last 24 h."
    assert told["severity"] == "bad"
    assert len(one(web, told["href"])["items"]) == 2
    web.stores.samples.put(made.id, [gpu(0, xids=(hot,)), gpu(1)])
    (told,) = (each for each in one(web, "/overview")["attention"] if "XID" in each["message"])
    assert (told["severity"], told["message"][:5]) == ("warn", "1 GPU")


def test_the_overview_can_be_narrowed(web: Web) -> None:
    cluster(web, "east", workloads={"w1": running("w1")})
    cluster(web, "west")
    shown = one(web, "/overview?cluster=west")
    assert [each["name"] for each in shown["clusters"]] == ["west"]
    assert shown["workloads"] == []
    assert web.get("/overview?cluster=nope").status_code == 404
    assert web.get("/overview?clustre=east").status_code == 400


def test_the_figures_of_a_narrowed_overview_lead_to_what_they_count(web: Web) -> None:
    cluster(web, "east")
    cluster(web, "west")
    tiles = {tile["key"]: tile["href"] for tile in one(web, "/overview?cluster=west")["tiles"]}
    assert tiles["idle"] == "/gpus?state=idle&cluster=west"
    assert tiles["nodes"] == "/nodes?cluster=west"
    assert tiles["clusters"] == "/clusters"
    assert all("cluster=" not in tile["href"] for tile in one(web, "/overview")["tiles"])


def test_the_map_shows_each_gpu_by_node_as_people_count(web: Web) -> None:
    made = cluster(web, nodes=11, workloads={"w1": running("w1", node="east-10")})
    held = gpu(1, "east-10", holders=(holder(),))
    web.stores.samples.put(made.id, [held, gpu(0, "east-10"), gpu(0, "east-9"), gpu(0, age=99)])
    nodes = one(web, "/overview")["map"]
    assert [node["name"] for node in nodes] == ["east-0", "east-9", "east-10"]
    assert nodes[0]["states"] == {"stale": 1}
    assert nodes[0]["utilization"] is None
    assert (nodes[2]["states"], nodes[2]["utilization"]) == ({"free": 1, "busy": 1}, 0.5)
    assert [each["index"] for each in nodes[2]["gpus"]] == [0, 1]
    assert nodes[2]["gpus"][1]["workload"] == "train"


def test_the_map_of_a_large_fleet_shows_nodes(web: Web) -> None:
    made = cluster(web, nodes=1)
    web.stores.samples.put(made.id, [gpu(i, f"east-{i // 8}") for i in range(512)])
    assert len(one(web, "/overview")["map"][0]["gpus"]) == 8
    web.stores.samples.put(made.id, [gpu(0, "east-64", utilization=0.25)])
    nodes = one(web, "/overview")["map"]
    assert (len(nodes), nodes[64]["states"], nodes[64]["utilization"]) == (65, {"free": 1}, 0.25)
    assert not any(node["gpus"] for node in nodes)
