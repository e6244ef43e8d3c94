"""The decision: a pure function that the manager, previews and the simulator share."""

from collections import defaultdict

from controllers.domain.policy import Policy
from controllers.domain.workload import Reason
from controllers.scheduling import reasons
from controllers.scheduling.decision import Decision, Release
from controllers.scheduling.ledger import Ledger
from controllers.scheduling.line import Line
from controllers.scheduling.placement import Rooms
from controllers.scheduling.snapshot import Queued, Room, Snapshot, Started

RELEASES = 500
"""At most this many starts in one decision; the rest follows in the next."""

_Shape = tuple[str, int, int, int]


def decide(snapshot: Snapshot, policy: Policy, now: float) -> Decision:
    """What to start now, where, and why each other queued workload waits.

    Nothing is evicted: a group may go beyond its quota only on GPUs that no quota guarantees,
    so work within a quota never waits for another group. ``now`` is epoch seconds. Every queued
    workload is either in ``actions`` or in ``reasons``.
    """
    rooms: defaultdict[str, list[Room]] = defaultdict(list)
    queued: defaultdict[str, list[Queued]] = defaultdict(list)
    started: defaultdict[str, list[Started]] = defaultdict(list)
    for room in snapshot.rooms:
        rooms[room.pool].append(room)
    for waiting in snapshot.queued:
        queued[waiting.pool].append(waiting)
    for running in snapshot.started:
        started[running.pool].append(running)
    actions: list[Release] = []
    why: dict[str, Reason] = {}
    covered: set[str] = set()
    for pool in sorted({*queued, *started}):
        quotas = {q.group: q.gpus for q in policy.quotas if q.pool == pool and q.gpus > 0}
        one = _Pool(pool, rooms[pool], started[pool], quotas)
        actions += one.run(queued[pool], now, RELEASES - len(actions))
        why |= one.reasons
        covered |= one.covered()
    return Decision(actions=tuple(actions), reasons=why, in_quota=frozenset(covered))


class _Pool:
    """The decision for one pool; pools do not touch each other."""

    def __init__(
        self, name: str, rooms: list[Room], started: list[Started], quotas: dict[str, int]
    ) -> None:
        usable = [room for room in rooms if room.usable]
        self._name = name
        self._all = rooms
        self._rooms = Rooms(usable)
        self._ledger = Ledger(quotas, started, sum(max(0, room.free) for room in usable))
        self.reasons: dict[str, Reason] = {}
        self._failed: set[_Shape] = set()

    def run(self, queued: list[Queued], now: float, limit: int) -> list[Release]:
        """Start what may and can start, in order; give the rest its reason."""
        actions: list[Release] = []
        left: list[Queued] = []
        line = Line((work for work in queued if work.not_before <= now), self._ledger)
        while (work := line.pop()) is not None:
            placement = self._try(work) if len(actions) < limit else None
            if placement is None:
                left.append(work)
                continue
            self._ledger.start(work, now)
            actions.append(Release(work.id, placement))
        self._explain(left, capped=len(actions) >= limit)
        for work in queued:
            if work.not_before > now:
                self.reasons[work.id] = reasons.backoff(work)
        return actions

    def covered(self) -> set[str]:
        """Started workloads that their groups' quotas cover."""
        groups = [*self._ledger.used]
        return {work.id for group in groups for work in self._ledger.covered(group)}

    def _try(self, work: Queued) -> dict[str, int] | None:
        """Room for the gang, unless an equal one has failed: room and rights only shrink."""
        shape = (work.group, work.level, work.pods, work.gpus_per_pod)
        if shape in self._failed:
            return None
        placement = None
        if self._ledger.allowed(work):
            placement = self._rooms.place(work.pods, work.gpus_per_pod)
        if placement is None:
            self._failed.add(shape)
        return placement

    def _explain(self, left: list[Queued], capped: bool) -> None:
        """One reason for each that waits; equal shapes share it."""
        known: dict[_Shape, Reason] = {}
        scene = reasons.Scene(self._name, self._all, self._rooms, self._ledger)
        for work in left:
            shape = (work.group, work.level, work.pods, work.gpus_per_pod)
            if shape not in known:
                next_pass = capped and shape not in self._failed
                known[shape] = reasons.next_pass() if next_pass else scene.reason(work)
            self.reasons[work.id] = known[shape]
