import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import neurox_web
import pytest
from neurox_web import Web

from controllers.domain.cluster import Cluster, Node, StateDelta
from controllers.domain.policy import Group, NodePool, Quota
from controllers.loop import Shutdown
from portal.cli import demo_run, demo_world
from portal.cli.context import Context
from portal.cli.demo_jobs import Pool
from portal.cli.demo_run import GIVE_UP_SECONDS, Demo
from portal.cli.demo_world import NotYet
from portal.cli.failure import CommandFailed
from portal.client import Client
from portal.schemas import NodeOut

Neurox = Callable[..., Any]
NODE = Node("n0", True, False, 8, 0, model="NVIDIA-H100-80GB-HBM3", simulated=True)
SAFE = {"neurox.io/simulated": "true"}


class Between(Shutdown):
    """Runs one function in each sleep instead of sleeping, and ends after the last."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        super().__init__()
        self._steps = [*steps, self.request]

    def sleep(self, seconds: float, settle: float = 0.0) -> None:
        self._steps.pop(0)()


def nothing() -> None:
    """A round in which people change nothing."""


@pytest.fixture
def admin(web: Web, server: str) -> Iterator[Client]:
    client = Client(server, web.admin_token)
    yield client
    client.close()


@pytest.fixture
def run(web: Web, server: str) -> Callable[..., list[str]]:
    """Run the demo with what happens between its rounds; what it said."""

    def call(*steps: Callable[[], object], seed: int = 1) -> list[str]:
        said: list[str] = []
        context = Context("test", server, web.admin_token)
        Demo(lambda: context, Between(*steps), said.append, Random(seed)).run()
        return said

    return call


def report(web: Web, pool: str | None, **more: Node) -> None:
    """What a manager would say once it has the pools."""
    clusters = web.stores.clusters
    if not clusters.all():
        clusters.add(Cluster("c1", "east", time.time()))
    nodes = {f"n{n}": replace(NODE, name=f"n{n}", pool=pool) for n in range(4)} | more
    head = StateDelta("e", 1, True, time.time(), "v1", "0.1", nodes=dict(nodes))
    web.stores.states.apply("c1", head)


def ready(web: Web) -> None:
    """A fleet of four nodes in a pool for simulated nodes."""
    web.stores.pools.put("h100", NodePool("h100", SAFE))
    report(web, "h100")


def gpus(web: Web) -> int:
    return sum(intent.spec.gpus for intent in web.stores.intents.all())


def test_the_world_is_made_step_by_step_and_only_once(web: Web, admin: Client) -> None:
    said: list[str] = []
    with pytest.raises(NotYet, match="no simulated GPU node"):
        demo_world.make(admin, said.append, patient=True)
    report(web, None)
    with pytest.raises(NotYet, match="put into their pools"):
        demo_world.make(admin, said.append, patient=True)
    assert web.stores.pools.get("h100").selector["neurox.io/simulated"] == "true"
    report(web, "h100")
    demo_world.make(admin, said.append, patient=True)
    assert demo_world.look(admin).pools == [Pool("h100", 32, 32, 8)]
    quotas = {quota.group: quota.gpus for quota in web.stores.quotas.all().values()}
    assert quotas == {"vision": 16, "speech": 8, "language": 8}
    assert web.stores.users.get("amara").groups == ("vision",)
    assert web.stores.projects.get("speech").namespace == "speech"
    said.clear()
    demo_world.make(admin, said.append, patient=True)
    assert said == []


def test_of_two_pools_one_leaves_room_for_a_gang_as_large_as_it() -> None:
    pools = [Pool(name, 16, 16, 8) for name in ("h100", "h200")]
    found = [demo_world.first_quotas(pool, at, 2) for at, pool in enumerate(pools)]
    assert found == [{"language": 12, "speech": 4}, {"vision": 12}]


def test_who_names_no_pool_gets_one_in_which_their_group_is_guaranteed_gpus(
    web: Web, admin: Client
) -> None:
    for name in ("h100", "h200"):
        web.stores.pools.put(name, NodePool(name, SAFE))
    second = {f"m{n}": replace(NODE, name=f"m{n}", pool="h200") for n in range(4)}
    report(web, "h100", **second)
    demo_world.make(admin, lambda _: None, patient=True)
    firsts = {name: project.pools[0] for name, project in web.stores.projects.all().items()}
    assert firsts == {"language": "h100", "speech": "h100", "vision": "h200"}
    for group, pool in firsts.items():
        assert web.stores.quotas.all()[f"{pool}/{group}"].gpus > 0


def test_what_people_made_is_left_alone(web: Web, admin: Client) -> None:
    web.stores.groups.put("vision", Group("vision", "ours"))
    web.stores.pools.put("mine", NodePool("mine", SAFE))
    web.stores.quotas.put("mine/vision", Quota("mine", "vision", 1))
    web.person("amara", "research")
    report(web, "mine")
    said: list[str] = []
    demo_world.make(admin, said.append, patient=True)
    assert web.stores.groups.get("vision").description == "ours"
    assert list(web.stores.pools.all()) == ["mine"]
    assert len(web.stores.quotas.all()) == 1
    found = demo_world.sign_in(admin, "http://127.0.0.1:1", said.append)
    assert set(found) == {"bjorn", "hana"}
    assert any("amara is not the demo's own" in line for line in said)


def test_real_gpus_are_never_taken(web: Web, admin: Client) -> None:
    web.stores.pools.put("mixed", NodePool("mixed"))
    real = replace(NODE, name="real", pool="mixed", simulated=False)
    report(web, "mixed", real=real)
    assert demo_world.look(admin).pools == []
    with pytest.raises(NotYet, match="in a pool that selects"):
        demo_world.make(admin, print, patient=True)
    loose = [node for node in admin.nodes.all() if not node.simulated]
    assert demo_world.pools_for([loose[0].model_copy(update={"pool": None})], []) == {}


def test_pools_count_only_their_ready_nodes_and_know_their_largest_cluster() -> None:
    node = NodeOut(
        **{"name": "n", "cluster": "c", "pool": "a", "state": "ready", "reason": None},
        **{"model": None, "gpus": 8, "gpus_allocated": 0, "utilization": None},
        **{"memory_used_bytes": None, "memory_total_bytes": None, "power_watts": None},
        **{"temperature_celsius": None, "workloads": 0, "kubelet_version": None},
        **{"reported_at": None, "report_age_seconds": None, "simulated": True},
    )
    others = [{"cluster": "d", "gpus": 4}, {"state": "not ready"}, {"pool": "b"}]
    nodes = [node, node, *(node.model_copy(update=each) for each in others)]
    assert demo_world.usable(nodes, ["a", "empty"]) == [Pool("a", 20, 16, 8)]


def test_pools_get_short_names_and_none_twice() -> None:
    assert demo_world.short("NVIDIA-H100-80GB-HBM3") == "h100"
    assert demo_world.short("Tesla-T4") == "t4"
    assert demo_world.short("") == "gpus"


def test_it_fills_the_fleet_as_three_users_and_then_asks_for_no_more(
    web: Web, run: Callable[..., list[str]]
) -> None:
    ready(web)
    said = run(nothing, nothing)
    assert 32 <= gpus(web) <= 60
    intents = web.stores.intents.all()
    assert {intent.user for intent in intents} == {"amara", "bjorn", "hana"}
    assert all(intent.spec.annotations["neurox.io/simulated-run-seconds"] for intent in intents)
    assert sum("neurox.io/simulated-xid" in intent.spec.annotations for intent in intents) == 1
    throttled = {
        intent.spec.name.rpartition("-")[0]
        for intent in intents
        if "neurox.io/simulated-throttle" in intent.spec.annotations
    }
    assert throttled == {"vit-train"}
    assert all(intent.spec.gpus_per_pod <= 8 for intent in intents)
    assert sum(" asked for " in line for line in said) == len(intents)
    run(nothing)
    assert len(web.stores.intents.all()) == len(intents)


def test_it_waits_for_a_fleet_that_comes_up_and_for_an_api_that_went_away(
    web: Web, server: str
) -> None:
    addresses = ["http://127.0.0.1:1", "http://127.0.0.1:1", server, server]
    said: list[str] = []
    steps = (nothing, nothing, lambda: ready(web))

    def context() -> Context:
        return Context("test", addresses.pop(0), web.admin_token)

    Demo(context, Between(*steps), said.append, Random(1)).run()
    assert sum("no answer from" in line for line in said) == 1
    assert sum("no simulated GPU node" in line for line in said) == 1
    assert gpus(web) >= 32


def test_rules_that_people_change_meanwhile_are_kept(
    web: Web, run: Callable[..., list[str]]
) -> None:
    ready(web)

    def change() -> None:
        web.stores.quotas.remove("h100/speech")
        web.stores.projects.remove("vision")
        web.stores.users.change(
            lambda users: {name: user for name, user in users.items() if name != "hana"}
        )
        for intent in web.stores.intents.all():
            web.stores.intents.change(intent.id, refusal="to be asked for again")

    said = run(change, nothing, nothing)
    assert sum("amara was refused" in line for line in said) == 1
    assert sum("hana was removed" in line for line in said) == 1
    assert "vision" not in web.stores.projects.all()
    assert "h100/speech" not in web.stores.quotas.all()
    assert said[-1].startswith("bjorn asked for")


def test_a_pool_that_takes_real_nodes_now_is_left(web: Web, run: Callable[..., list[str]]) -> None:
    ready(web)
    said = run(lambda: web.stores.pools.put("h100", NodePool("h100")), nothing, nothing)
    intents = web.stores.intents.all()
    assert intents
    assert all(intent.stop_requested_at for intent in intents)
    assert "selects neurox.io/simulated=true" in said[-1]


def test_a_second_demo_takes_over_and_the_first_one_ends(
    web: Web, run: Callable[..., list[str]]
) -> None:
    ready(web)

    def again() -> None:
        run(nothing)
        for intent in web.stores.intents.all():
            web.stores.intents.change(intent.id, refusal="to be asked for again")

    with pytest.raises(CommandFailed, match="another `neurox demo` took over user"):
        run(again, nothing)


def test_only_an_admin_can_run_it(
    web: Web, server: str, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.person("mia", "vision")
    for token, name in ((web.tokens["mia"], "mia"), ("nxu_wrong", "nobody")):
        monkeypatch.setenv("NEUROX_TOKEN", token)
        done = neurox("demo")
        assert done.code == 4
        assert f"needs an admin's token for {server}" in done.err
        assert f"as {name};" in done.err


def test_who_waits_too_long_gives_up(web: Web, admin: Client) -> None:
    neurox_web.policy(web)
    neurox_web.cluster(web)
    assert web.post("/workloads", {"name": "t", "project": "eyes"}).status_code == 201
    (waiting,) = admin.workloads.all(state=demo_run.UNFINISHED)
    now = datetime.now(UTC)
    late = now + timedelta(seconds=GIVE_UP_SECONDS)
    assert not demo_run.hopeless(waiting, {"a"}, now)
    assert demo_run.hopeless(waiting, {"a"}, late)
    assert demo_run.hopeless(waiting, set(), now)
    running = waiting.model_copy(update={"state": "Running"})
    assert not demo_run.hopeless(running, {"a"}, late)
    (seen,) = demo_run.standing([waiting], now)["a"]
    assert 0 <= (seen.waited or -1) < 60
    assert demo_run.standing([running], now)["a"][0].waited is None
