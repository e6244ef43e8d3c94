import math
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from recording import RecordingManager, report
from redis import Redis

from controllers.control.dispatch import Dispatch, stopping, unsent
from controllers.control.policy import Policies
from controllers.domain.cluster import Cluster
from controllers.domain.errors import NotFound, Refused, Unreachable
from controllers.domain.policy import NodePool, Project
from controllers.domain.workload import Intent, Workload, WorkloadSpec
from controllers.store import keys
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.intents import Intents
from controllers.store.states import States

Until = Callable[..., None]
SPEC = WorkloadSpec("train", "vision", "vision", "a", 1, 2)
INTENT = Intent("i1", SPEC, "amara", 10.0)


class Hub:
    """One joined cluster, its manager, and the loop."""

    def __init__(self, redis: Redis) -> None:
        self.clusters, self.states, self.intents = Clusters(redis), States(redis), Intents(redis)
        Documents(redis, keys.POOLS, NodePool).put("a", NodePool("a"))
        Documents(redis, keys.PROJECTS, Project).put(
            "vision", Project("vision", namespace="vision")
        )
        self.policies = Policies(redis, self.clusters, self.states)
        self.manager = RecordingManager()
        self.loop = Dispatch(
            self.clusters, self.states, self.intents, self.policies, self.manager.connect
        )

    def join(self, **fields: str) -> None:
        self.clusters.add(Cluster("c1", "one", 0.0))
        self.states.apply("c1", report(**fields))  # type: ignore[arg-type]


@pytest.fixture
def hub(redis: Redis, until: Until) -> Iterator[Hub]:
    hub = Hub(redis)
    yield hub
    until(lambda: not hub.loop._errands.busy)


def test_a_submitted_workload_reaches_a_cluster_once(hub: Hub, until: Until) -> None:
    hub.join()
    hub.intents.add(INTENT)
    hub.loop.step()
    until(lambda: hub.intents.get("i1").accepted_at)
    assert hub.intents.get("i1").cluster == "c1"
    for _ in range(3):
        until(lambda: not hub.loop._errands.busy)
        hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.manager.created == [("c1", "i1")]


def test_one_that_is_taken_while_the_loop_looks_is_not_sent_again(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join()
    hub.intents.add(INTENT)
    go, read = threading.Event(), hub.intents.all

    def slow_create(intent: Intent) -> None:
        go.wait(5)
        hub.manager.created.append(("c1", intent.id))

    def taken_just_after() -> list[Intent]:
        intents = read()
        go.set()
        until(lambda: hub.intents.get("i1").accepted_at and not hub.loop._errands.busy)
        return intents

    monkeypatch.setattr(hub.manager, "create", slow_create)
    hub.loop.step()
    monkeypatch.setattr(hub.intents, "all", taken_just_after)
    hub.loop.step()
    monkeypatch.undo()
    hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.manager.created == [("c1", "i1")]


def test_who_stood_still_since_it_looked_does_not_send_it_to_another_cluster(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join()
    hub.intents.add(INTENT)
    read = hub.intents.all

    def sent_by_the_next_leader() -> list[Intent]:
        intents = read()
        monkeypatch.setattr(hub.intents, "all", read)
        Dispatch(hub.clusters, hub.states, hub.intents, hub.policies, hub.manager.connect).step()
        until(lambda: hub.intents.get("i1").accepted_at)
        hub.clusters.add(Cluster("c2", "two", 0.0))
        hub.states.apply("c2", report())
        hub.states.apply("c1", report(gpus=1, revision=2))
        return intents

    monkeypatch.setattr(hub.intents, "all", sent_by_the_next_leader)
    hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.manager.created == [("c1", "i1")]
    assert hub.intents.get("i1").cluster == "c1"


def test_one_that_is_stopped_while_the_loop_looks_is_not_sent(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join()
    hub.intents.add(INTENT)
    read = hub.intents.all

    def stopped_just_after() -> list[Intent]:
        intents = read()
        hub.intents.change("i1", stop_requested_at=12.0)
        return intents

    monkeypatch.setattr(hub.intents, "all", stopped_just_after)
    hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.manager.created == []
    assert hub.intents.get("i1").cluster is None


def test_a_cluster_that_begins_to_rest_while_the_loop_looks_harms_no_other(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join()
    hub.intents.add(INTENT)
    hub.loop._resting["c0"] = 0.0

    class Clock:
        def monotonic(self) -> float:
            hub.loop._resting[f"another {len(hub.loop._resting)}"] = 0.0
            return 1000.0

        def time(self) -> float:
            return 1000.0

    monkeypatch.setattr("controllers.control.dispatch.time", Clock())
    hub.loop.step()
    until(lambda: hub.manager.created)


def test_one_that_fits_nowhere_waits_with_a_sentence_until_it_does(hub: Hub, until: Until) -> None:
    hub.intents.add(INTENT)
    hub.loop.step()
    assert hub.intents.get("i1").waiting == "no cluster joined"
    hub.join()
    hub.loop.step()
    until(lambda: hub.intents.get("i1").accepted_at)
    assert hub.intents.get("i1").waiting is None


def test_a_cluster_that_does_not_answer_is_asked_again_later(hub: Hub, until: Until) -> None:
    hub.join()
    hub.manager.failure = Unreachable("cut")
    hub.intents.add(INTENT)
    hub.loop.step()
    until(lambda: hub.loop._resting and not hub.loop._errands.busy)
    hub.loop._resting["c1"] = math.inf
    hub.manager.failure = None
    hub.loop.step()
    assert not hub.loop._errands.busy
    assert hub.manager.created == []
    hub.loop._resting["c1"] = 0.0

    def accepted() -> bool:
        hub.loop.step()
        return hub.intents.get("i1").accepted_at is not None

    until(accepted)
    assert hub.manager.created == [("c1", "i1")]


def test_a_refusal_under_the_newest_policy_is_final(hub: Hub, until: Until) -> None:
    hub.join()
    revision = hub.policies.wanted()["c1"].revision
    hub.states.apply("c1", report(policy_revision=revision))
    hub.manager.failure = Refused("workload", "namespace vision is not managed")
    hub.intents.add(INTENT)
    hub.loop.step()
    until(lambda: hub.intents.get("i1").refusal)
    assert hub.intents.get("i1").refusal == "namespace vision is not managed"


def test_a_refusal_says_nothing_of_one_that_was_placed_elsewhere_meanwhile(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join()
    revision = hub.policies.wanted()["c1"].revision
    hub.states.apply("c1", report(policy_revision=revision))
    hub.intents.add(INTENT)

    def refused(intent: Intent) -> None:
        hub.intents.change("i1", cluster="c2")
        raise Refused("workload", "namespace vision is not managed")

    monkeypatch.setattr(hub.manager, "create", refused)
    hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.intents.get("i1").cluster == "c2"
    assert hub.intents.get("i1").refusal is None


def test_a_refusal_under_an_older_policy_is_not(hub: Hub, until: Until) -> None:
    hub.join(policy_revision="old")
    hub.manager.failure = Refused("workload", "unknown project")
    hub.intents.add(INTENT)
    hub.loop.step()
    until(lambda: hub.loop._resting)
    assert hub.intents.get("i1").refusal is None


def test_a_refusal_is_not_final_when_the_newest_policy_came_just_after_it(
    hub: Hub, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.join(policy_revision="old")
    hub.intents.add(INTENT)
    create = hub.manager.create

    def refused_once(intent: Intent) -> None:
        monkeypatch.setattr(hub.manager, "create", create)
        revision = hub.policies.wanted()["c1"].revision
        hub.states.apply("c1", report(policy_revision=revision, revision=2))
        raise Refused("workload", "unknown project")

    monkeypatch.setattr(hub.manager, "create", refused_once)
    hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.intents.get("i1").refusal is None
    assert hub.intents.get("i1").accepted_at
    assert hub.manager.created == [("c1", "i1")]


def test_a_stop_is_told_once(hub: Hub, until: Until) -> None:
    hub.join()
    hub.intents.add(replace(INTENT, cluster="c1", accepted_at=11.0, stop_requested_at=12.0))
    hub.loop.step()
    until(lambda: hub.loop._told)
    for _ in range(3):
        until(lambda: not hub.loop._errands.busy)
        hub.loop.step()
    until(lambda: not hub.loop._errands.busy)
    assert hub.manager.stopped == [("c1", "i1")]


def test_one_that_was_stopped_before_it_was_sent_never_is(hub: Hub) -> None:
    hub.join()
    hub.intents.add(replace(INTENT, stop_requested_at=12.0))
    hub.loop.step()
    assert not hub.loop._errands.busy
    assert hub.manager.created == hub.manager.stopped == []


def test_one_that_its_cluster_never_had_is_let_go(hub: Hub, until: Until) -> None:
    hub.join()
    hub.manager.failure = NotFound("no such workload")
    hub.intents.add(replace(INTENT, cluster="c1", stop_requested_at=12.0))
    hub.loop.step()
    until(lambda: hub.intents.get("i1").cluster is None)


def test_one_whose_cluster_was_removed_before_it_took_it_is_sent_elsewhere(
    hub: Hub, until: Until
) -> None:
    hub.join()
    hub.intents.add(replace(INTENT, cluster="gone"))
    hub.loop.step()
    until(lambda: hub.intents.get("i1").accepted_at)
    assert hub.manager.created == [("c1", "i1")]


def test_a_look_without_news_reads_next_to_nothing(hub: Hub, redis: Redis) -> None:
    hub.join()
    hub.loop.step()
    before = redis.info("stats")["total_commands_processed"]
    hub.loop.step()
    after = redis.info("stats")["total_commands_processed"]
    assert after - before <= 3


def test_what_is_accepted_refused_or_stopped_is_not_unsent() -> None:
    done = [
        replace(INTENT, accepted_at=1.0),
        replace(INTENT, refusal="no"),
        replace(INTENT, stop_requested_at=1.0),
    ]
    assert unsent([INTENT, *done]) == [INTENT]


def test_what_has_ended_needs_no_stopping() -> None:
    workload = Workload("i1", "u", "vision", "Job", "train", "Stopped", 1, 2)
    asked = replace(INTENT, cluster="c1", stop_requested_at=1.0)
    assert stopping([asked], set(), set()) == [asked]
    assert stopping([asked], set(), {workload.id}) == []
    assert stopping([asked], {"i1"}, set()) == []
