import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from controllers.control.beats import Beats
from controllers.control.leader import Leader
from controllers.control.settings import Settings
from controllers.control.signer import HubKeyFile
from controllers.control.term import Term, _leading
from controllers.domain.cluster import Cluster
from controllers.relay.identity import PrivateKey
from controllers.store.clusters import Clusters

Until = Callable[..., None]
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def leader(redis: Redis) -> Leader:
    leader = Leader(redis, lambda: 0.0)
    assert leader.acquire()
    return leader


def test_a_cluster_that_is_found_as_a_term_ends_is_not_followed_in_the_next(
    redis: Redis, leader: Leader, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Clusters(redis).add(Cluster("c1", "one", 0.0))
    (tmp_path / "key.pem").write_text(PrivateKey.generate().pem())
    key = HubKeyFile(tmp_path / "key.pem")
    term = Term(Settings("", NOBODY, NOBODY, "t", key, "", 0), redis, leader, Beats())
    looking, go, read = threading.Event(), threading.Event(), Clusters.all

    def slowly(clusters: Clusters) -> list[Cluster]:
        if threading.current_thread().name == "sync":
            looking.set()
            go.wait(10)
        return read(clusters)

    monkeypatch.setattr(Clusters, "all", slowly)
    term.start()
    assert looking.wait(10)
    term.end(0.0)
    go.set()
    until(lambda: term._sync._running)
    assert leader.held  # as after an election that it has won again
    thread, _ = term._sync._running["c1"]
    until(lambda: not thread.is_alive())
    until(lambda: not any(each.is_alive() for each in term._threads))


def test_a_pass_that_ends_after_the_lead_is_lost_leaves_no_beat(leader: Leader) -> None:
    beats = Beats()

    def lost() -> None:
        leader.release()
        beats.clear()

    _leading(leader, beats, "sweep", lost)()
    assert beats.ages() == {}
