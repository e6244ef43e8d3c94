from collections.abc import Callable
from dataclasses import replace

import pytest
from recording import RecordingManager, report
from redis import Redis

from controllers.control.backoff import Backoff
from controllers.control.sync import STREAM_SECONDS, ClusterSync, Sync, follows, poll
from controllers.domain.cluster import Cluster
from controllers.domain.errors import Unreachable
from controllers.store.clusters import Clusters
from controllers.store.states import ClusterMeta, States

Until = Callable[..., None]
META = ClusterMeta("e1", 5, 0.0, 0.0, "v", "v")
PART = replace(report(revision=6), full=False)


def test_a_part_follows_only_its_own_epoch_and_revision() -> None:
    assert follows(META, PART)
    assert follows(META, replace(PART, revision=5))
    assert not follows(META, replace(PART, revision=4))
    assert not follows(META, replace(PART, epoch="e2"))
    assert not follows(None, PART)
    assert follows(None, report())


@pytest.fixture
def states(redis: Redis) -> States:
    return States(redis)


def test_a_cluster_that_never_reported_is_asked_for_everything(states: States) -> None:
    manager = RecordingManager(answers=[report()])
    assert poll(states, manager, "c1", 20).full
    assert manager.asked == [("", 0)]


def test_polling_goes_on_from_what_is_stored(states: States) -> None:
    states.apply("c1", report(revision=5))
    manager = RecordingManager(answers=[PART])
    assert poll(states, manager, "c1", 20) == PART
    assert manager.asked == [("e1", 5)]


def test_a_part_that_does_not_fit_is_replaced_by_everything(states: States) -> None:
    states.apply("c1", report(revision=5))
    manager = RecordingManager(answers=[replace(PART, epoch="e2"), report(epoch="e2")])
    assert poll(states, manager, "c1", 20).epoch == "e2"
    assert manager.asked == [("e1", 5), ("", 0)]


def test_a_manager_that_never_sends_everything_is_not_believed(states: States) -> None:
    with pytest.raises(Unreachable, match="sent a part"):
        poll(states, RecordingManager(answers=[PART]), "c1", 20)


def test_what_comes_after_the_end_is_thrown_away(states: States) -> None:
    manager = RecordingManager(answers=[report()])
    leading = iter([True, False, False])
    ClusterSync(Cluster("c1", "one", 0.0), states, manager.connect, lambda: next(leading)).run()
    assert manager.asked == [("", 0)]
    assert states.meta("c1") is None


def test_a_stream_is_replaced_before_a_leaving_relay_would_cut_it(states: States) -> None:
    made: list[RecordingManager] = []
    moments = iter([0.0, 1.0, 2.0, STREAM_SECONDS + 2.0, STREAM_SECONDS + 3.0])

    def connect(_: str) -> RecordingManager:
        made.append(RecordingManager(answers=[report(revision=n) for n in (1, 2, 3)]))
        return made[-1]

    def leading() -> bool:
        return len(made) < 2 or not made[1].asked

    cluster = Cluster("c1", "one", 0.0)
    ClusterSync(cluster, states, connect, leading, lambda: next(moments)).run()
    assert [len(manager.asked) for manager in made] == [2, 1]
    assert [manager.closed for manager in made] == [True, True]


def test_clusters_are_followed_as_they_come_and_go(
    redis: Redis, states: States, until: Until
) -> None:
    clusters = Clusters(redis)
    managers: dict[str, RecordingManager] = {}

    def connect(cluster_id: str) -> RecordingManager:
        managers[cluster_id] = RecordingManager(failure=Unreachable("cut"))
        return managers[cluster_id]

    sync = Sync(clusters, states, connect, lambda: True)
    sync.step()
    clusters.add(Cluster("c1", "one", 0.0))
    sync.step()
    sync.step()
    until(lambda: managers)
    assert len(sync._running) == 1
    thread = sync._running["c1"][0]
    clusters.remove("c1")
    sync.step()
    until(lambda: not thread.is_alive())
    assert sync._running == {}
    sync.close()


def test_waiting_grows_to_eight_seconds_and_begins_anew() -> None:
    backoff = Backoff(spread=lambda: 1.0)
    assert [backoff.failed() for _ in range(5)] == [1, 2, 4, 8, 8]
    assert backoff.failing
    backoff.succeeded()
    assert not backoff.failing
    assert Backoff(spread=lambda: 0.0).failed() == 0.5
