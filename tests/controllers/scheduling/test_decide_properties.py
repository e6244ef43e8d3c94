from collections import Counter, defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.domain.policy import LEVELS, NodePool, Policy, Quota
from controllers.scheduling.decide import decide
from controllers.scheduling.placement import Rooms
from controllers.scheduling.snapshot import Queued, Room, Snapshot, Started

GROUPS = ("vision", "speech", "guests")
POOLS = ("a100", "h200")


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Snapshot, Policy]:
    rooms = []
    for i in range(draw(st.integers(0, 6))):
        gpus = draw(st.sampled_from((1, 4, 8)))
        free = draw(st.integers(0, gpus))
        usable = draw(st.sampled_from((True, True, True, False)))
        rooms.append(Room(f"n{i}", draw(st.sampled_from(POOLS)), gpus, free, usable))
    queued = [
        Queued(
            id=f"q{i}",
            user=draw(st.sampled_from(("ada", "bob"))),
            group=draw(st.sampled_from(GROUPS)),
            pool=draw(st.sampled_from(POOLS)),
            level=draw(st.integers(0, len(LEVELS) - 1)),
            pods=draw(st.integers(1, 4)),
            gpus_per_pod=draw(st.sampled_from((1, 2, 4, 8))),
            submitted_at=float(draw(st.integers(0, 3))),
            not_before=draw(st.sampled_from((0.0, 0.0, 0.0, 99.0))),
        )
        for i in range(draw(st.integers(0, 12)))
    ]
    started = [
        Started(
            id=f"s{i}",
            user="ada",
            group=draw(st.sampled_from(GROUPS)),
            pool=draw(st.sampled_from(POOLS)),
            level=draw(st.integers(0, len(LEVELS) - 1)),
            gpus=draw(st.integers(1, 8)),
            started_at=float(i),
        )
        for i in range(draw(st.integers(0, 5)))
    ]
    quotas = [
        Quota(pool, group, draw(st.integers(0, 16))) for pool in POOLS for group in GROUPS[:2]
    ]
    policy = Policy("1", tuple(NodePool(pool) for pool in POOLS), quotas=tuple(quotas))
    return Snapshot(tuple(rooms), tuple(queued), tuple(started)), policy


def free_after(snapshot: Snapshot, policy: Policy) -> tuple[dict[str, int], set[str]]:
    """Free GPUs by node, and nodes shared by a gang that spans several."""
    free = {room.node: room.free for room in snapshot.rooms if room.usable}
    sizes = {work.id: work for work in snapshot.queued}
    shared = set()
    for action in decide(snapshot, policy, 1.0).actions:
        for node, pods in action.placement.items():
            free[node] -= pods * sizes[action.workload].gpus_per_pod
            if len(action.placement) > 1:
                shared.add(node)
    return free, shared


def use_after(snapshot: Snapshot, policy: Policy) -> Counter[tuple[str, str]]:
    """GPUs by pool and group once the decision is carried out."""
    use = Counter({(w.pool, w.group): 0 for w in snapshot.queued})
    for work in snapshot.started:
        use[work.pool, work.group] += work.gpus
    sizes = {work.id: work for work in snapshot.queued}
    for action in decide(snapshot, policy, 1.0).actions:
        work = sizes[action.workload]
        use[work.pool, work.group] += work.gpus
    return use


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_no_node_is_ever_oversubscribed(scene: tuple[Snapshot, Policy]) -> None:
    assert all(left >= 0 for left in free_after(*scene)[0].values())


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_gangs_start_whole_on_usable_nodes_of_their_pool(scene: tuple[Snapshot, Policy]) -> None:
    snapshot, policy = scene
    pools = {room.node: room.pool for room in snapshot.rooms if room.usable}
    sizes = {work.id: work for work in snapshot.queued}
    for action in decide(snapshot, policy, 1.0).actions:
        work = sizes[action.workload]
        assert sum(action.placement.values()) == work.pods
        assert {pools[node] for node in action.placement} == {work.pool}


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_every_queued_workload_starts_or_has_exactly_one_reason(
    scene: tuple[Snapshot, Policy],
) -> None:
    decision = decide(*scene, 1.0)
    started = [action.workload for action in decision.actions]
    assert sorted([*started, *decision.reasons]) == sorted(work.id for work in scene[0].queued)
    assert all(why.code and why.message.endswith(".") for why in decision.reasons.values())


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_work_waits_only_if_it_does_not_fit_or_would_take_a_guarantee(
    scene: tuple[Snapshot, Policy],
) -> None:
    snapshot, policy = scene
    free, shared = free_after(snapshot, policy)
    use = use_after(snapshot, policy)
    quota = {(q.pool, q.group): q.gpus for q in policy.quotas}
    by_pool: defaultdict[str, list[Room]] = defaultdict(list)
    for room in snapshot.rooms:
        if room.usable and room.node not in shared:
            by_pool[room.pool].append(Room(room.node, room.pool, room.gpus, free[room.node]))
    for work in snapshot.queued:
        if work.id not in decide(snapshot, policy, 1.0).reasons or work.not_before:
            continue
        key = (work.pool, work.group)
        if Rooms(by_pool[work.pool]).place(work.pods, work.gpus_per_pod) is None:
            continue
        assert use[key] + work.gpus > quota.get(key, 0), "within quota, fits, and waits"
        left = sum(free[r.node] for r in snapshot.rooms if r.usable and r.pool == work.pool)
        others = sum(max(0, q - use[k]) for k, q in quota.items() if k[0] == work.pool and k != key)
        assert left - work.gpus < others, "takes no guarantee, fits, and waits"


@settings(max_examples=300, deadline=None)
@given(scenes())
def test_borrowing_leaves_free_what_other_groups_are_guaranteed(
    scene: tuple[Snapshot, Policy],
) -> None:
    snapshot, policy = scene
    free, _ = free_after(snapshot, policy)
    use = use_after(snapshot, policy)
    quota = {(q.pool, q.group): q.gpus for q in policy.quotas}
    started = {action.workload for action in decide(snapshot, policy, 1.0).actions}
    for work in snapshot.queued:
        key = (work.pool, work.group)
        if work.id in started and use[key] > quota.get(key, 0):
            left = sum(free[r.node] for r in snapshot.rooms if r.usable and r.pool == work.pool)
            before = sum(r.free for r in snapshot.rooms if r.usable and r.pool == work.pool)
            used = Counter[str]()
            for w in snapshot.started:
                used[w.group] += w.gpus if w.pool == work.pool else 0
            was = sum(max(0, q - used[k[1]]) for k, q in quota.items() if k[0] == work.pool)
            now = sum(max(0, q - use[k]) for k, q in quota.items() if k[0] == work.pool)
            assert left >= now or before < was


@settings(max_examples=100, deadline=None)
@given(scenes())
def test_the_same_scene_gives_the_same_decision(scene: tuple[Snapshot, Policy]) -> None:
    assert decide(*scene, 1.0) == decide(*scene, 1.0)
