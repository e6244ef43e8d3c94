"""What the loop has read may be otherwise by the time it acts on it."""

import threading
from collections.abc import Callable

import pytest
from dispatching import INTENT, Hub
from recording import report

from controllers.control.dispatch import Dispatch
from controllers.domain.cluster import Cluster
from controllers.domain.errors import Refused
from controllers.domain.workload import Intent

Until = Callable[..., None]


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
