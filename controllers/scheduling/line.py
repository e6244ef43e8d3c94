"""The order in which waiting workloads are tried: who is next in a pool."""

import heapq
from collections import defaultdict
from collections.abc import Iterable

from controllers.scheduling.ledger import Ledger
from controllers.scheduling.snapshot import Queued

_UserKey = tuple[int, float, str]
_Key = tuple[int, int, float, int, float, str]


class GroupLine:
    """One group's waiting workloads: level first, then users who hold less, then who came first."""

    def __init__(self, group: str, waiting: Iterable[Queued], ledger: Ledger) -> None:
        self._group = group
        self._ledger = ledger
        self._users: dict[int, defaultdict[str, list[Queued]]] = {}
        for work in sorted(waiting, key=lambda w: (w.submitted_at, w.id), reverse=True):
            self._users.setdefault(work.level, defaultdict(list))[work.user].append(work)
        self._heads = {
            level: [(self._key(lines[user][-1]), user) for user in lines]
            for level, lines in self._users.items()
        }
        for heads in self._heads.values():
            heapq.heapify(heads)

    def head(self) -> Queued | None:
        """The workload to try next, or None when all were tried."""
        while self._heads:
            level = max(self._heads)
            heads = self._heads[level]
            if not heads:
                del self._heads[level]
                continue
            key, user = heads[0]
            work = self._users[level][user][-1]
            fresh = self._key(work)
            if fresh == key:
                return work
            heapq.heapreplace(heads, (fresh, user))
        return None

    def drop_head(self) -> None:
        """The head was tried; the next one moves up."""
        level = max(self._heads)
        heads = self._heads[level]
        user = heads[0][1]
        lines = self._users[level][user]
        lines.pop()
        if lines:
            heapq.heapreplace(heads, (self._key(lines[-1]), user))
        else:
            heapq.heappop(heads)

    def _key(self, work: Queued) -> _UserKey:
        # By powers of two, so that a small difference does not outweigh who came first.
        held = self._ledger.user_gpus(self._group, work.user).bit_length()
        return held, work.submitted_at, work.id


class Line:
    """A pool's waiting workloads: entitled before borrowers, then level, share, and group order."""

    def __init__(self, waiting: Iterable[Queued], ledger: Ledger) -> None:
        self._ledger = ledger
        by_group: defaultdict[str, list[Queued]] = defaultdict(list)
        for work in waiting:
            by_group[work.group].append(work)
        self._groups = {g: GroupLine(g, members, ledger) for g, members in by_group.items()}
        self._heap: list[tuple[_Key, str]] = []
        for group in self._groups:
            self._push(group)

    def pop(self) -> Queued | None:
        """The workload to try next; its key is worked out again, because starts change it."""
        while self._heap:
            key, group = heapq.heappop(self._heap)
            work = self._groups[group].head()
            if work is None:
                continue
            if self._key(work) != key:
                self._push(group)
                continue
            self._groups[group].drop_head()
            self._push(group)
            return work
        return None

    def _push(self, group: str) -> None:
        work = self._groups[group].head()
        if work is not None:
            heapq.heappush(self._heap, (self._key(work), group))

    def _key(self, work: Queued) -> _Key:
        entitled = self._ledger.entitled(work)
        share = 0.0 if entitled else self._ledger.share(work)
        held = self._ledger.user_gpus(work.group, work.user).bit_length()
        return 0 if entitled else 1, -work.level, share, held, work.submitted_at, work.id
