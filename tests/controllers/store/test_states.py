from dataclasses import replace

import pytest
from redis import Redis

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.gpu import Gpu
from controllers.domain.workload import Workload
from controllers.store.gpus import Gpus
from controllers.store.states import FINISHED_KEPT, States, surplus

NODE = Node("gpu-1", ready=True, cordoned=False, gpus=8, allocated=2, pool="a")
RUNNING = Workload("w1", "u1", "vision", "Job", "train", "Running", 1, 2)


def delta(revision: int = 1, *, full: bool = False, **fields: object) -> StateDelta:
    head = StateDelta("e1", revision, full, 100.0, "v1.37.0", "0.1", "p1", ("vision",))
    return replace(head, **fields)  # type: ignore[arg-type]


@pytest.fixture
def states(redis: Redis) -> States:
    return States(redis, clock=lambda: 200.0)


def test_a_cluster_that_never_reported_has_no_meta(states: States) -> None:
    assert states.meta("c1") is None
    assert states.nodes("c1") == []
    assert states.workloads("c1") == []


def test_a_report_is_read_back_whole(states: States) -> None:
    states.apply("c1", delta(3, full=True, nodes={"gpu-1": NODE}, workloads={"w1": RUNNING}))
    meta = states.meta("c1")
    assert meta is not None
    assert (meta.epoch, meta.revision, meta.observed_at, meta.received_at) == ("e1", 3, 100, 200)
    assert (meta.policy_revision, meta.namespaces) == ("p1", ("vision",))
    assert states.nodes("c1") == [NODE]
    assert states.workloads("c1") == [RUNNING]
    assert states.nodes("c2") == []


def test_a_part_changes_only_what_it_names(states: States) -> None:
    other = replace(NODE, name="gpu-2")
    states.apply("c1", delta(full=True, nodes={"gpu-1": NODE, "gpu-2": other}))
    states.apply("c1", delta(2, nodes={"gpu-1": replace(NODE, allocated=3), "gpu-2": None}))
    assert states.nodes("c1") == [replace(NODE, allocated=3)]


def test_an_empty_answer_still_renews_the_age(redis: Redis, states: States) -> None:
    states.apply("c1", delta(5, full=True, nodes={"gpu-1": NODE}))
    States(redis, clock=lambda: 260.0).apply("c1", delta(5))
    meta = states.meta("c1")
    assert meta is not None
    assert (meta.received_at, meta.revision) == (260.0, 5)
    assert states.nodes("c1") == [NODE]


def test_a_full_report_replaces_nodes(states: States) -> None:
    states.apply("c1", delta(full=True, nodes={"gpu-1": NODE, "old": replace(NODE, name="old")}))
    states.apply("c1", delta(full=True, nodes={"gpu-1": NODE}))
    assert states.nodes("c1") == [NODE]


@pytest.mark.parametrize("full", [True, False])
def test_a_workload_that_vanishes_is_kept_as_stopped(states: States, full: bool) -> None:
    states.apply("c1", delta(full=True, workloads={"w1": RUNNING}))
    states.apply("c1", delta(2, full=full, workloads={} if full else {"w1": None}))
    (kept,) = states.workloads("c1")
    assert (kept.state, kept.finished_at) == ("Stopped", 100.0)
    assert kept.reason is not None
    assert "deleted" in kept.reason.message


def test_a_finished_workload_stays_as_it_was_when_it_vanishes(states: States) -> None:
    failed = replace(RUNNING, state="Failed", finished_at=90.0)
    states.apply("c1", delta(full=True, workloads={"w1": failed}))
    states.apply("c1", delta(2, full=True))
    assert states.workloads("c1") == [failed]


def test_a_workload_that_was_never_known_and_is_gone_leaves_nothing(states: States) -> None:
    states.apply("c1", delta(workloads={"w9": None}))
    assert states.workloads("c1") == []


def test_at_most_so_many_finished_workloads_are_kept_and_the_oldest_go(states: States) -> None:
    done = {
        f"d{n}": replace(RUNNING, id=f"d{n}", state="Succeeded", finished_at=float(n))
        for n in range(FINISHED_KEPT + 3)
    }
    states.apply("c1", delta(full=True, workloads=done | {"w1": RUNNING}))
    kept = {workload.id for workload in states.workloads("c1")}
    assert len(kept) == FINISHED_KEPT + 1
    assert kept.isdisjoint({"d0", "d1", "d2"})
    assert "w1" in kept


def test_only_finished_workloads_are_surplus() -> None:
    assert surplus([RUNNING, replace(RUNNING, id="w2", state="Failed")], kept=0) == ["w2"]


def test_forgetting_a_cluster_leaves_no_key(redis: Redis, states: States) -> None:
    states.apply("c1", delta(full=True, nodes={"gpu-1": NODE}, workloads={"w1": RUNNING}))
    Gpus(redis, clock=lambda: 100.0).put("c1", [Gpu("G", "gpu-1", 0, "H100", 100.0)])
    states.apply("c2", delta(full=True))
    assert states.reported() == ["c1", "c2"]
    states.forget("c1")
    assert states.reported() == ["c2"]
    assert [key for key in redis.scan_iter() if b"c1" in key] == []


def test_what_a_former_leader_brings_late_is_left_out(states: States) -> None:
    newer = replace(NODE, allocated=3)
    states.apply("c1", delta(6, full=True, nodes={"gpu-1": newer}))
    for late in (delta(5), delta(5, full=True), replace(delta(9), epoch="e0")):
        states.apply("c1", replace(late, nodes={"gpu-1": NODE}))
    assert states.nodes("c1") == [newer]
    assert states.meta("c1").revision == 6  # type: ignore[union-attr]


def test_of_two_leaders_that_write_at_once_one_writes_all(
    redis: Redis, states: States, monkeypatch: pytest.MonkeyPatch
) -> None:
    states.apply("c1", delta(1, full=True, nodes={"gpu-1": NODE}))
    newer, read = replace(NODE, allocated=3), states.nodes

    def meanwhile(cluster_id: str) -> list[Node]:
        found = read(cluster_id)
        States(redis).apply("c1", delta(7, full=True, nodes={"gpu-1": newer}))
        return found

    monkeypatch.setattr(states, "nodes", meanwhile)
    states.apply("c1", delta(6, full=True, nodes={"gpu-1": NODE}))
    monkeypatch.undo()
    assert states.nodes("c1") == [newer]
    assert states.meta("c1").revision == 7  # type: ignore[union-attr]
