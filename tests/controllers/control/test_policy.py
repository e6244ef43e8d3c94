import threading
from collections.abc import Callable

import pytest
from recording import FakeClock, RecordingManager, report
from redis import Redis

from controllers.control.policy import Policies, PolicyLoop, Rules, capacities, document, shares
from controllers.domain.cluster import Cluster, Node
from controllers.domain.errors import Unreachable
from controllers.domain.policy import NodePool, Policy, Project, Quota
from controllers.store import keys
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.states import States

Until = Callable[..., None]
RULES = Rules((NodePool("a"),), (Project("vision"),), (), ())


def test_nodes_that_are_not_ready_count_and_those_without_pool_do_not() -> None:
    nodes = [
        Node("n1", True, False, 8, 8, pool="a"),
        Node("n2", False, True, 8, 0, pool="a"),
        Node("n3", True, False, 4, 0),
    ]
    assert capacities(nodes) == {"a": 16}


def test_a_guarantee_is_split_over_the_clusters_that_hold_the_pool() -> None:
    quotas = [Quota("a", "speech", 12), Quota("a", "vision", 18), Quota("b", "vision", 5)]
    parts = shares(quotas, {"x": {"a": 24}, "y": {"a": 8, "b": 8}})
    total: dict[tuple[str, str], int] = {}
    for part in parts.values():
        for quota in part:
            total[quota.pool, quota.group] = total.get((quota.pool, quota.group), 0) + quota.gpus
    assert total == {("a", "speech"): 12, ("a", "vision"): 18, ("b", "vision"): 5}
    assert sum(quota.gpus for quota in parts["y"] if quota.pool == "a") <= 8
    assert Quota("b", "vision", 5) in parts["y"]


def test_without_gpus_there_is_nothing_to_guarantee() -> None:
    assert shares([Quota("a", "vision", 8)], {"x": {}}) == {"x": ()}


def test_the_revision_says_what_the_policy_says() -> None:
    one = document(RULES, ())
    assert one.revision == document(RULES, ()).revision != ""
    assert one.revision != document(RULES, (Quota("a", "vision", 1),)).revision


@pytest.fixture
def states(redis: Redis) -> States:
    Clusters(redis).add(Cluster("c1", "one", 0.0))
    Clusters(redis).add(Cluster("c2", "silent", 0.0))
    Documents(redis, keys.POOLS, NodePool).put("a", NodePool("a"))
    Documents(redis, keys.QUOTAS, Quota).put("a/vision", Quota("a", "vision", 8))
    states = States(redis)
    states.apply("c1", report(gpus=32))
    return states


def test_a_policy_is_put_until_the_cluster_reports_it(
    redis: Redis, states: States, until: Until
) -> None:
    policies, manager, clock = (
        Policies(redis, Clusters(redis), states),
        RecordingManager(),
        FakeClock(),
    )
    loop = PolicyLoop(policies, states, manager.connect, clock)

    def put(times: int) -> bool:
        """So often, and the call is over: while it lasts no other begins."""
        return len(manager.policies) == times and not loop._errands.busy

    loop.step()
    until(lambda: put(1))
    loop.step()
    policy = manager.policies[0][1]
    assert policy.quotas == (Quota("a", "vision", 8),)
    clock.now += 6
    loop.step()
    until(lambda: put(2))
    assert [cluster for cluster, _ in manager.policies] == ["c1", "c1"]
    states.apply("c1", report(gpus=32, policy_revision=policy.revision))
    clock.now += 6
    loop.step()
    assert put(2)


def test_a_change_is_put_at_once(redis: Redis, states: States, until: Until) -> None:
    manager = RecordingManager()
    loop = PolicyLoop(Policies(redis, Clusters(redis), states), states, manager.connect)
    loop.step()
    until(lambda: len(manager.policies) == 1 and not loop._errands.busy)
    Documents(redis, keys.PROJECTS, Project).put("vision", Project("vision"))
    loop.step()
    until(lambda: len(manager.policies) == 2)
    assert [policy.projects for _, policy in manager.policies] == [(), (Project("vision"),)]


def test_a_cluster_that_hangs_keeps_no_other_waiting(
    redis: Redis, states: States, until: Until
) -> None:
    Clusters(redis).add(Cluster("c0", "hung", 0.0))
    states.apply("c0", report(gpus=32))
    freed = threading.Event()
    manager = RecordingManager()

    class Hung(RecordingManager):
        def put_policy(self, policy: Policy) -> None:
            freed.wait(30)

    def connect(cluster: str) -> RecordingManager:
        return Hung() if cluster == "c0" else manager.connect(cluster)

    loop = PolicyLoop(Policies(redis, Clusters(redis), states), states, connect)
    loop.step()
    until(lambda: manager.policies and loop._errands.busy == {"c0"})
    assert [cluster for cluster, _ in manager.policies] == ["c1"]
    loop.step()
    assert loop._errands.busy == {"c0"}
    freed.set()


def test_a_cluster_that_does_not_answer_is_left_alone_for_a_while(
    redis: Redis, states: States, until: Until
) -> None:
    manager, clock = RecordingManager(), FakeClock()
    manager.failure = Unreachable("cut")
    loop = PolicyLoop(Policies(redis, Clusters(redis), states), states, manager.connect, clock)
    loop.step()
    until(lambda: not loop._errands.busy)
    manager.failure = None
    loop.step()
    assert not loop._errands.busy
    assert manager.policies == []
    clock.now += 6
    loop.step()
    until(lambda: len(manager.policies) == 1)
