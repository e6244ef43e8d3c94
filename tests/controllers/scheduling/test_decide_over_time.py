"""What the decision claims about a pool's whole life, not about one moment of it."""

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from controllers.domain.policy import NodePool, Policy, Quota
from controllers.scheduling.decide import decide
from controllers.scheduling.snapshot import Queued, Room, Snapshot, Started

GROUPS = ("vision", "speech", "guests")
LARGEST = 8


@dataclass
class Pool:
    """A pool that lives: work comes, starts as decided, and ends."""

    nodes: dict[str, int]
    quotas: dict[str, int]
    queued: dict[str, Queued] = field(default_factory=dict)
    running: dict[str, tuple[Queued, dict[str, int]]] = field(default_factory=dict)

    def free(self) -> dict[str, int]:
        left = dict(self.nodes)
        for work, placement in self.running.values():
            for node, pods in placement.items():
                left[node] -= pods * work.gpus_per_pod
        return left

    def used(self) -> Counter[str]:
        use = Counter(dict.fromkeys(GROUPS, 0))
        for work, _ in self.running.values():
            use[work.group] += work.gpus
        return use

    def settle(self) -> None:
        """Decide until nothing more starts."""
        while self._decide():
            assert all(left >= 0 for left in self.free().values())

    def _decide(self) -> int:
        free = self.free()
        rooms = tuple(Room(n, "h200", gpus, free[n]) for n, gpus in self.nodes.items())
        started = tuple(
            Started(w.id, w.user, w.group, w.pool, w.level, w.gpus, w.submitted_at)
            for w, _ in self.running.values()
        )
        quotas = tuple(Quota("h200", group, gpus) for group, gpus in self.quotas.items())
        policy = Policy("r", (NodePool("h200"),), quotas=quotas)
        snapshot = Snapshot(rooms, tuple(self.queued.values()), started)
        actions = decide(snapshot, policy, 1.0).actions
        for action in actions:
            self.running[action.workload] = (self.queued.pop(action.workload), action.placement)
        return len(actions)


@st.composite
def lives(draw: st.DrawFn, largest: int = LARGEST) -> tuple[Pool, list[Queued | int]]:
    """A pool whose quotas it can meet, and what happens: a submission, or the end of some work."""
    nodes = {f"n{n}": draw(st.sampled_from((1, 4, 8))) for n in range(draw(st.integers(1, 5)))}
    capacity = sum(nodes.values())
    vision = draw(st.integers(0, capacity))
    speech = draw(st.integers(0, capacity - vision))
    events: list[Queued | int] = []
    for number in range(draw(st.integers(1, 30))):
        if draw(st.booleans()):
            events.append(draw(st.integers(0, 9)))
            continue
        each = draw(st.integers(1, largest))
        group, user = draw(st.sampled_from(GROUPS)), draw(st.sampled_from(("ada", "bob")))
        level, pods = draw(st.integers(0, 3)), draw(st.integers(1, 6))
        work = Queued(f"w{number:02}", user, group, "h200", level, pods, each, float(number))
        events.append(work)
    return Pool(nodes, {"vision": vision, "speech": speech}), events


def live(pool: Pool, event: Queued | int) -> None:
    if isinstance(event, Queued):
        pool.queued[event.id] = event
    elif pool.running:
        del pool.running[sorted(pool.running)[event % len(pool.running)]]
    pool.settle()


@settings(max_examples=300, deadline=None)
@given(lives(largest=1))
def test_work_within_its_quota_never_waits_for_another_group(
    life: tuple[Pool, list[Queued | int]],
) -> None:
    pool, events = life
    for event in events:
        live(pool, event)
        used = pool.used()
        for work in pool.queued.values():
            unused = pool.quotas.get(work.group, 0) - used[work.group]
            assert work.gpus > unused, f"{work.id} is within its quota, and waits"


@settings(max_examples=300, deadline=None)
@given(lives())
def test_free_gpus_always_cover_what_is_guaranteed_and_unused(
    life: tuple[Pool, list[Queued | int]],
) -> None:
    pool, events = life
    for event in events:
        live(pool, event)
        used = pool.used()
        owed = sum(max(0, gpus - used[group]) for group, gpus in pool.quotas.items())
        assert sum(pool.free().values()) >= owed


@settings(max_examples=200, deadline=None)
@given(lives())
def test_what_runs_is_never_touched_and_what_waits_is_never_lost(
    life: tuple[Pool, list[Queued | int]],
) -> None:
    pool, events = life
    for event in events:
        before, waiting = dict(pool.running), set(pool.queued)
        live(pool, event)
        gone = before.keys() - pool.running.keys()
        assert len(gone) <= (0 if isinstance(event, Queued) else 1)
        assert all(pool.running[name] == before[name] for name in before.keys() - gone)
        assert waiting <= pool.queued.keys() | pool.running.keys()


@settings(max_examples=200, deadline=None)
@given(lives())
def test_a_higher_level_is_never_overtaken_by_its_equal_of_a_lower_one(
    life: tuple[Pool, list[Queued | int]],
) -> None:
    pool, events = life
    for event in events:
        waiting = dict(pool.queued)
        live(pool, event)
        started = [waiting[name] for name in waiting.keys() & pool.running.keys()]
        for work in pool.queued.values():
            shape = (work.group, work.user, work.pods, work.gpus_per_pod)
            for other in started:
                same = shape == (other.group, other.user, other.pods, other.gpus_per_pod)
                assert not (same and work.id in waiting and other.level < work.level)
