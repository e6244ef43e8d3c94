import math
from collections.abc import Callable
from dataclasses import replace

from dispatching import INTENT, Hub
from recording import report
from redis import Redis

from controllers.control.dispatch import stopping, unsent
from controllers.domain.errors import NotFound, Refused, Unreachable
from controllers.domain.workload import Workload

Until = Callable[..., None]


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


def test_a_refusal_under_an_older_policy_is_not(hub: Hub, until: Until) -> None:
    hub.join(policy_revision="old")
    hub.manager.failure = Refused("workload", "unknown project")
    hub.intents.add(INTENT)
    hub.loop.step()
    until(lambda: hub.loop._resting)
    assert hub.intents.get("i1").refusal is None


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
