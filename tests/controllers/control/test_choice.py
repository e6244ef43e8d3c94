from dataclasses import replace

import pytest

from controllers.control.choice import Candidate, Choice, candidate, choose, loaded
from controllers.domain.cluster import Node
from controllers.domain.workload import Intent, Workload, WorkloadSpec
from controllers.store.states import ClusterMeta

SPEC = WorkloadSpec("train", "vision", "vision", "a", 2, 4)


def cluster(name: str, free: int = 16, queued: int = 0, **changes: object) -> Candidate:
    one = Candidate(
        name,
        name,
        fresh=True,
        namespaces=frozenset({"vision"}),
        total={"a": 32},
        widest={"a": 8},
        free={"a": free},
        queued={"a": queued},
    )
    return replace(one, **changes)  # type: ignore[arg-type]


def test_the_cluster_with_most_free_gpus_wins() -> None:
    assert choose(SPEC, "vision", [cluster("x", 8), cluster("y", 24)]) == Choice("y")


def test_among_equally_free_ones_the_shortest_queue_wins_then_the_name() -> None:
    assert choose(SPEC, "vision", [cluster("x", 0, 3), cluster("y", 0, 1)]) == Choice("y")
    assert choose(SPEC, "vision", [cluster("y"), cluster("x")]) == Choice("x")


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([], "no cluster joined"),
        ([cluster("x", fresh=False)], "no report from x for 45 s"),
        ([cluster("x", total={"b": 8})], "no connected cluster has nodes of pool 'a'"),
        ([cluster("x", namespaces=frozenset())], "manages namespace 'vision'"),
        ([cluster("x", total={"a": 4}, widest={"a": 4})], "asks for 8 GPUs; pool 'a' has 4"),
        ([cluster("x", widest={"a": 2})], "a pod asks for 4 GPUs; the largest node has 2"),
    ],
)
def test_a_workload_that_fits_nowhere_is_told_why(candidates: list[Candidate], words: str) -> None:
    choice = choose(SPEC, "vision", candidates)
    assert choice.cluster is None
    assert choice.waiting is not None
    assert words in choice.waiting


def test_a_full_cluster_still_takes_work_into_its_queue() -> None:
    assert choose(SPEC, "vision", [cluster("x", 0)]) == Choice("x")


META = ClusterMeta("e", 1, 100.0, 100.0, "v", "v", namespaces=("vision",))
NODES = [
    Node("n1", True, False, 8, 3, pool="a"),
    Node("n2", True, True, 8, 0, pool="a"),
    Node("n3", False, False, 4, 0, pool="a"),
    Node("n4", True, False, 8, 0),
]


def test_free_gpus_are_on_ready_and_open_nodes_of_a_pool() -> None:
    one = candidate("c", "c", META, NODES, now=110.0)
    assert (one.total, one.widest, one.free) == ({"a": 20}, {"a": 8}, {"a": 5})
    assert one.fresh


def test_a_silent_cluster_is_not_fresh() -> None:
    assert not candidate("c", "c", META, NODES, now=146.0).fresh
    assert not candidate("c", "c", None, [], now=0.0).fresh


def test_what_was_sent_and_not_yet_reported_counts() -> None:
    queued = Workload("w1", "u", "vision", "Job", "q", "Queued", 1, 1, pool="a")
    running = replace(queued, id="w2", state="Running")
    sent = [Intent(f"w{n}", SPEC, "amara", 0.0, cluster="x") for n in (1, 2, 3)]
    one = loaded(cluster("x", 16), [queued, running], sent)
    assert (one.free["a"], one.queued["a"]) == (8, 2)


def test_a_burst_is_spread() -> None:
    candidates = {one.cluster: one for one in (cluster("x", 16), cluster("y", 14))}
    got = []
    for _ in range(4):
        choice = choose(SPEC, "vision", candidates.values())
        assert choice.cluster is not None
        got.append(choice.cluster)
        candidates[choice.cluster] = candidates[choice.cluster].with_one_more(SPEC)
    assert got == ["x", "y", "x", "y"]
