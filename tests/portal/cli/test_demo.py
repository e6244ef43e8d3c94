import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import neurox_web
import pytest
from neurox_web import Web

from controllers.domain.cluster import Cluster, Node, StateDelta
from controllers.domain.policy import Group, NodePool
from portal.cli import demo_run, demo_world
from portal.cli.demo_run import Demand
from portal.cli.demo_world import NotYet, Room
from portal.client import Client
from portal.schemas import NodeOut

Neurox = Callable[..., Any]
NODE = Node("n0", True, False, 8, 0, model="NVIDIA-H100-80GB-HBM3", simulated=True)


@pytest.fixture
def admin(web: Web, server: str) -> Iterator[Client]:
    client = Client(server, web.admin_token)
    yield client
    client.close()


def report(web: Web, pool: str | None, **more: Node) -> None:
    """What a manager would say once it has the pools."""
    clusters = web.stores.clusters
    if not clusters.all():
        clusters.add(Cluster("c1", "east", time.time()))
    nodes = {f"n{n}": replace(NODE, name=f"n{n}", pool=pool) for n in range(4)} | more
    head = StateDelta("e", 1, True, time.time(), "v1", "0.1", nodes=dict(nodes))
    web.stores.states.apply("c1", head)


def test_the_world_is_made_step_by_step_and_only_once(web: Web, admin: Client) -> None:
    said: list[str] = []
    with pytest.raises(NotYet, match="no simulated GPU node"):
        demo_world.ensure(admin, said.append)
    report(web, None)
    with pytest.raises(NotYet, match="put into their pools"):
        demo_world.ensure(admin, said.append)
    assert web.stores.pools.get("h100").selector["neurox.io/simulated"] == "true"
    report(web, "h100")
    assert demo_world.ensure(admin, said.append) == [Room("h100", 32, 8)]
    quotas = {quota.group: quota.gpus for quota in web.stores.quotas.all().values()}
    assert quotas == {"vision": 12, "speech": 8, "language": 8}
    assert web.stores.users.get("amara").groups == ("vision",)
    assert web.stores.projects.get("speech").namespace == "speech"
    said.clear()
    assert demo_world.ensure(admin, said.append) == [Room("h100", 32, 8)]
    assert said == []


def test_what_people_made_is_left_alone(web: Web, admin: Client) -> None:
    web.stores.groups.put("vision", Group("vision", "ours"))
    web.stores.pools.put("mine", NodePool("mine"))
    web.person("amara", "research")
    report(web, "mine")
    said: list[str] = []
    demo_world.ensure(admin, said.append)
    assert web.stores.groups.get("vision").description == "ours"
    assert list(web.stores.pools.all()) == ["mine"]
    found = demo_world.tokens(admin, said.append)
    assert set(found) == {"speech", "language"}
    assert any("amara is not the demo's own" in line for line in said)


def test_real_gpus_are_never_taken() -> None:
    node = NodeOut(
        **{"name": "n", "cluster": "c", "pool": "a", "state": "ready", "reason": None},
        **{"model": None, "gpus": 8, "gpus_allocated": 0, "utilization": None},
        **{"memory_used_bytes": None, "memory_total_bytes": None, "power_watts": None},
        **{"temperature_celsius": None, "workloads": 0, "kubelet_version": None},
        **{"age_seconds": 1.0, "simulated": True},
    )
    real = node.model_copy(update={"simulated": False})
    assert demo_world.rooms([node]) == [Room("a", 8, 8)]
    assert demo_world.rooms([node, real]) == []
    assert demo_world.pools_for([real.model_copy(update={"pool": None})], []) == {}


def test_pools_get_short_names_and_none_twice() -> None:
    assert demo_world.short("NVIDIA-H100-80GB-HBM3") == "h100"
    assert demo_world.short("Tesla-T4") == "t4"
    assert demo_world.short("") == "gpus"


@pytest.mark.parametrize("gpus", [1, 2, 3, 8, 32, 512])
def test_guarantees_stay_below_what_there_is(gpus: int) -> None:
    found = demo_world.guarantees(gpus)
    assert sum(found.values()) <= gpus
    if gpus >= 32:
        assert 0.85 <= sum(found.values()) / gpus <= 0.9


def test_one_wave_fills_the_fleet_as_three_users_and_a_second_adds_nothing(
    web: Web, server: str, neurox: Neurox
) -> None:
    report(web, "h100")
    web.stores.pools.put("h100", NodePool("h100"))
    done = neurox("demo", "--once", "--seed", "3")
    assert done.code == 0, done.err
    intents = web.stores.intents.all()
    assert sum(intent.spec.gpus for intent in intents) == 28
    assert {intent.user for intent in intents} <= {"amara", "bjorn", "hana"}
    assert all(intent.spec.annotations["neurox.io/simulated-run-seconds"] for intent in intents)
    assert all(intent.spec.gpus_per_pod <= 8 for intent in intents)
    assert "simulated work" in done.out
    neurox("demo", "--once")
    assert len(web.stores.intents.all()) == len(intents)


def test_demand_counts_what_runs_and_what_waits(web: Web, server: str, admin: Client) -> None:
    neurox_web.policy(web)
    neurox_web.cluster(web, workloads={"w1": neurox_web.running("w1")})
    neurox_web.cluster(web, "west")
    assert web.post("/workloads", {"name": "t", "project": "eyes", "gpus_per_pod": 2}).status_code
    found = demo_run.demand(admin.workloads.all(state=demo_run.UNFINISHED))
    assert found == Demand(Counter({"a": 3}), 1)


def test_work_goes_where_most_is_missing() -> None:
    rooms = [Room("a", 32, 8), Room("b", 16, 8)]
    assert demo_run.roomiest(rooms, Demand(Counter({"a": 30}), 0), 1.0) == rooms[1]
    assert demo_run.roomiest(rooms, Demand(Counter({"a": 32, "b": 16}), 0), 1.0) is None


def test_a_gang_takes_half_a_pool_at_most() -> None:
    assert [demo_run.most(Room("a", n, 8)) for n in (1, 8, 32, 512)] == [1, 4, 16, 16]
