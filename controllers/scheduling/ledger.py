"""Who uses how much of a pool while a decision is made, and what its quotas still guarantee."""

import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping

from controllers.domain.policy import LEVELS
from controllers.scheduling.snapshot import Queued, Started


def _rank(work: Started) -> tuple[int, float, str]:
    return -work.level, work.started_at, work.id


def in_quota(running: Iterable[Started], quota: int) -> list[Started]:
    """Which of one group's started workloads, given in order of rank, its quota covers.

    Highest level first, then oldest; what does not fit any more is skipped. Computed afresh for
    every decision, so there is nothing to keep consistent.
    """
    covered: list[Started] = []
    left = quota
    for work in running:
        if work.gpus <= left:
            left -= work.gpus
            covered.append(work)
    return covered


class Ledger:
    """GPUs of one pool by group and user. Quotas are by group; a missing one is 0."""

    def __init__(self, quotas: Mapping[str, int], started: Iterable[Started], free: int) -> None:
        self.quotas = quotas
        self.free = free
        """GPUs of usable nodes that nothing holds."""
        self.used: defaultdict[str, int] = defaultdict(int)
        self._by_user: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._running: defaultdict[str, list[Started]] = defaultdict(list)
        self._ahead: dict[str, list[int]] = {}
        for work in sorted(started, key=_rank):
            self._charge(work)
        self.unfilled = sum(self.unused(group) for group in quotas)
        """GPUs that quotas guarantee and their groups do not use yet."""

    def quota(self, group: str) -> int:
        """GPUs of the pool guaranteed to the group."""
        return self.quotas.get(group, 0)

    def unused(self, group: str) -> int:
        """What is left of the group's guarantee."""
        return max(0, self.quota(group) - self.used[group])

    def borrowable(self) -> int:
        """Free GPUs that are kept for no group's guarantee."""
        return max(0, self.free - self.unfilled)

    def user_gpus(self, group: str, user: str) -> int:
        """GPUs that the user's workloads of this group hold."""
        return self._by_user[group, user]

    def covered(self, group: str) -> list[Started]:
        """The group's started workloads that its quota covers."""
        return in_quota(self._running[group], self.quota(group))

    def ahead(self, group: str, level: int) -> int:
        """GPUs that the quota covers for the group's work of this level or a higher one."""
        if group not in self._ahead:
            sums = [0] * len(LEVELS)
            for work in self.covered(group):
                for lower in range(work.level + 1):
                    sums[lower] += work.gpus
            self._ahead[group] = sums
        return self._ahead[group][level]

    def entitled(self, work: Queued) -> bool:
        """Whether the quota covers it beside covered work of its own or a higher level."""
        if self.within(work):
            return True
        return self.ahead(work.group, work.level) + work.gpus <= self.quota(work.group)

    def within(self, work: Queued) -> bool:
        """Whether the group stays within its quota with it."""
        return work.gpus <= self.unused(work.group)

    def allowed(self, work: Queued) -> bool:
        """Whether it takes nothing that a quota guarantees to another group."""
        return self.within(work) or work.gpus - self.unused(work.group) <= self.borrowable()

    def share(self, work: Queued) -> float:
        """How far beyond its quota the group would be, by weight of the quota."""
        beyond = self.used[work.group] + work.gpus - self.quota(work.group)
        return max(0, beyond) / max(1, self.quota(work.group))

    def start(self, work: Queued, now: float) -> None:
        """Charge the workload from ``now`` on (epoch seconds)."""
        self.unfilled -= min(work.gpus, self.unused(work.group))
        self.free -= work.gpus
        self._charge(
            Started(
                id=work.id,
                user=work.user,
                group=work.group,
                pool=work.pool,
                level=work.level,
                gpus=work.gpus,
                started_at=now,
            )
        )

    def _charge(self, work: Started) -> None:
        self.used[work.group] += work.gpus
        self._by_user[work.group, work.user] += work.gpus
        bisect.insort(self._running[work.group], work, key=_rank)
        self._ahead.pop(work.group, None)
