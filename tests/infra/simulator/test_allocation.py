from hypothesis import given
from hypothesis import strategies as st

from infra.local.simulator.allocation import Grant, allocate
from infra.local.simulator.objects import Pod


def pod(uid: str, *counts: int, node: str = "gpu-1", phase: str = "Running", at: str = "") -> Pod:
    containers = tuple((f"c{index}", count) for index, count in enumerate(counts))
    return Pod(uid, "vision", f"pod-{uid}", node, phase, at, containers)


def indexes(grants: dict[str, Grant]) -> dict[str, tuple[int, ...]]:
    return {uid: grant.indexes for uid, grant in grants.items()}


def test_the_lowest_free_gpus_are_given_oldest_first() -> None:
    pods = [pod("new", 2, at="2026-01-02"), pod("old", 3, at="2026-01-01")]
    assert indexes(allocate(pods, {"gpu-1": 8}, {})) == {"old": (0, 1, 2), "new": (3, 4)}


def test_every_container_gets_its_own() -> None:
    grant = allocate([pod("a", 1, 2)], {"gpu-1": 8}, {})["a"]
    assert grant.containers == (("c0", (0,)), ("c1", (1, 2)))


def test_what_was_given_is_kept_while_others_come_and_go() -> None:
    before = allocate([pod("a", 2, at="1"), pod("b", 2, at="2")], {"gpu-1": 8}, {})
    after = allocate([pod("b", 2, at="2"), pod("c", 3, at="3")], {"gpu-1": 8}, before)
    assert indexes(after) == {"b": (2, 3), "c": (0, 1, 4)}


def test_a_finished_pod_gives_back() -> None:
    before = allocate([pod("a", 8)], {"gpu-1": 8}, {})
    assert allocate([pod("a", 8, phase="Succeeded")], {"gpu-1": 8}, before) == {}


def test_a_pod_that_does_not_fit_gets_nothing() -> None:
    pods = [pod("a", 6, at="1"), pod("b", 3, at="2"), pod("c", 2, at="3")]
    assert indexes(allocate(pods, {"gpu-1": 8}, {})) == {"a": (0, 1, 2, 3, 4, 5), "c": (6, 7)}


def test_a_pod_of_another_node_or_of_none_is_not_ours() -> None:
    pods = [pod("a", 1, node="gpu-9"), pod("b", 1, node="")]
    assert allocate(pods, {"gpu-1": 8}, {}) == {}


def test_a_grant_beyond_a_shrunken_node_is_given_anew() -> None:
    before = {"a": Grant("gpu-1", (("c0", (7,)),))}
    assert indexes(allocate([pod("a", 1)], {"gpu-1": 4}, before)) == {"a": (0,)}


def test_a_grant_outlives_the_file() -> None:
    grant = Grant("gpu-1", (("c0", (0, 1)), ("c1", (5,))))
    assert Grant.from_json(grant.to_json()) == grant


_rounds = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 5)), max_size=6)


@given(_rounds)
def test_no_gpu_is_given_twice_and_nobody_moves(rounds: list[dict[str, int]]) -> None:
    grants: dict[str, Grant] = {}
    for wanted in rounds:
        before = grants
        pods = [pod(f"{uid}{count}", count) for uid, count in wanted.items()]
        grants = allocate(pods, {"gpu-1": 8}, before)
        given_out = [index for grant in grants.values() for index in grant.indexes]
        assert len(given_out) == len(set(given_out))
        assert all(grants[uid] == before[uid] for uid in grants.keys() & before.keys())
