from dataclasses import replace

import pytest
from recording import report
from redis import Redis

from controllers.control.dispatch import stopping, unsent
from controllers.control.sweep import Sweep, outlived
from controllers.domain.cluster import Cluster
from controllers.domain.workload import Intent, State, Workload, WorkloadSpec
from controllers.store.clusters import Clusters
from controllers.store.intents import Intents
from controllers.store.states import States

DAY = 24 * 3600.0
INTENT = Intent("i1", WorkloadSpec("train", "v", "v", "a", 1, 2), "amara", 0.0)
TAKEN = replace(INTENT, cluster="c1", accepted_at=1.0)


def workload(state: State, finished_at: float | None = None) -> Workload:
    return Workload("i1", "u", "v", "Job", "train", state, 1, 2, finished_at=finished_at)


@pytest.mark.parametrize(
    ("intent", "reported", "now", "gone"),
    [
        (INTENT, None, 9 * DAY, False),
        (replace(INTENT, cluster="c1"), None, 9 * DAY, False),
        (replace(INTENT, refusal="no"), None, DAY - 1, False),
        (replace(INTENT, refusal="no"), None, DAY + 1, True),
        (replace(INTENT, stop_requested_at=10.0), None, DAY + 11, True),
        (TAKEN, workload("Running"), 9 * DAY, False),
        (TAKEN, workload("Succeeded", 100.0), 3600.0, False),
        (TAKEN, workload("Succeeded", 100.0), 3701.0, True),
        (TAKEN, None, 60.0, False),
        (TAKEN, None, 130.0, True),
    ],
)
def test_an_intent_is_kept_as_long_as_somebody_needs_it(
    intent: Intent, reported: Workload | None, now: float, gone: bool
) -> None:
    reports = {"c1": {} if reported is None else {"i1": reported}}
    assert outlived([intent], reports, {"c1": now}, now) == (["i1"] if gone else [])


def test_a_silent_cluster_says_nothing_about_its_workloads() -> None:
    assert outlived([TAKEN], {"c1": {}}, {"c1": 20.0}, 9 * DAY) == []


def test_workloads_of_a_removed_cluster_are_kept_for_a_day() -> None:
    assert outlived([TAKEN], {}, {}, 100.0) == []
    assert outlived([TAKEN], {}, {}, DAY + 2) == ["i1"]


def test_reports_of_removed_clusters_go(redis: Redis) -> None:
    clusters, states, intents = Clusters(redis), States(redis), Intents(redis)
    clusters.add(Cluster("c1", "one", 0.0))
    states.apply("c1", report())
    states.apply("c2", report())
    intents.add(replace(TAKEN, cluster="c2"))
    Sweep(clusters, states, intents).step()
    assert states.reported() == ["c1"]
    assert intents.all() == []


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (replace(INTENT, cluster="c1"), "cluster one could not be reached"),
        (replace(INTENT, waiting="no cluster has a pool a"), "no cluster has a pool a"),
    ],
)
def test_what_could_not_be_sent_for_a_day_is_given_up_and_stopped_where_it_may_be(
    redis: Redis, intent: Intent, words: str
) -> None:
    clusters, states, intents = Clusters(redis), States(redis), Intents(redis)
    clusters.add(Cluster("c1", "one", 0.0))
    intents.add(intent)
    Sweep(clusters, states, intents, lambda: DAY - 1).step()
    assert intents.get("i1") == intent
    Sweep(clusters, states, intents, lambda: DAY + 1).step()
    given_up = intents.get("i1")
    assert given_up.refusal == (
        f"Not sent within 24 h: {words}. Submit it again if it is still wanted."
    )
    assert unsent([given_up]) == []
    assert stopping([given_up], set(), set()) == ([given_up] if intent.cluster else [])
    Sweep(clusters, states, intents, lambda: 2 * DAY).step()
    assert intents.get("i1") == given_up


def test_a_cluster_that_joins_during_a_sweep_is_not_taken_for_a_removed_one(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters, states, intents = Clusters(redis), States(redis), Intents(redis)
    read = clusters.all

    def joins_just_after() -> list[Cluster]:
        found = read()
        clusters.add(Cluster("c1", "one", 0.0))
        states.apply("c1", report(workloads={"i1": workload("Running")}))
        return found

    monkeypatch.setattr(clusters, "all", joins_just_after)
    Sweep(clusters, states, intents).step()
    assert states.reported() == ["c1"]
    assert [each.state for each in states.workloads("c1")] == ["Running"]


def test_an_intent_whose_workload_is_reported_during_a_sweep_is_kept(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters, intents = Clusters(redis), Intents(redis)
    now = [1.0]
    states = States(redis, lambda: now[0])
    clusters.add(Cluster("c1", "one", 0.0))
    states.apply("c1", report())
    intents.add(TAKEN)
    read = states.workloads

    def reported_just_after(cluster_id: str) -> list[Workload]:
        found = read(cluster_id)
        monkeypatch.setattr(states, "workloads", read)
        now[0] = DAY
        states.apply("c1", report(revision=2, workloads={"i1": workload("Running")}))
        return found

    monkeypatch.setattr(states, "workloads", reported_just_after)
    Sweep(clusters, states, intents, lambda: DAY).step()
    assert intents.all() == [TAKEN]


def test_what_is_taken_just_before_it_is_given_up_is_not_stopped(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    intents = Intents(redis)
    intents.add(replace(INTENT, cluster="c1"))
    read = intents.all

    def taken_just_after() -> list[Intent]:
        found = read()
        intents.change("i1", accepted_at=DAY)
        return found

    monkeypatch.setattr(intents, "all", taken_just_after)
    Sweep(Clusters(redis), States(redis), intents, lambda: DAY + 1).step()
    kept = intents.get("i1")
    assert (kept.accepted_at, kept.refusal, kept.stop_requested_at) == (DAY, None, None)
