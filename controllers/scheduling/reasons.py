"""Why a workload waits, in one code and one plain sentence that says what would start it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from controllers.domain.workload import Reason
from controllers.scheduling.ledger import Ledger
from controllers.scheduling.placement import Rooms
from controllers.scheduling.snapshot import Queued, Room


def count(number: int, noun: str = "GPU") -> str:
    """A number with its noun: "1 GPU", "8 GPUs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def backoff(work: Queued) -> Reason:
    """A start went wrong and is tried again later."""
    until = datetime.fromtimestamp(work.not_before, UTC).strftime("%H:%M:%S UTC")
    return Reason("BACKOFF", f"The last start failed: {work.cause}. It is tried again at {until}.")


def next_pass() -> Reason:
    """So many workloads start at once that this one is left to the next decision."""
    return Reason("NEXT_PASS", "Many workloads are starting; this one is next within seconds.")


class Scene:
    """One pool after everything that could start was started."""

    def __init__(self, pool: str, rooms: Sequence[Room], left: Rooms, ledger: Ledger) -> None:
        self._pool = pool
        self._rooms = rooms
        self._left = left
        self._ledger = ledger
        self._capacity = sum(room.gpus for room in rooms if room.usable)

    def reason(self, work: Queued) -> Reason:
        """Why this workload did not start."""
        if not self._fits(work, every=True):
            return self._infeasible(work)
        if not self._fits(work, every=False):
            return self._degraded(work)
        if not self._ledger.allowed(work):
            return self._quota(work)
        if self._left.total() >= work.gpus:
            return self._fragmented(work)
        if self._ledger.within(work) and self._capacity < sum(self._ledger.quotas.values()):
            return self._short(work)
        return self._full(work)

    def _fits(self, work: Queued, every: bool) -> bool:
        """Whether the gang would fit if the pool were empty; ``every``: on unusable nodes too."""
        sizes = (room.gpus for room in self._rooms if every or room.usable)
        return sum(gpus // work.gpus_per_pod for gpus in sizes) >= work.pods

    def _infeasible(self, work: Queued) -> Reason:
        if not self._rooms:
            text = f"Pool {self._pool} has no GPU nodes in this cluster; it starts once some join."
            return Reason("INFEASIBLE", text)
        largest = max(room.gpus for room in self._rooms)
        total = sum(room.gpus for room in self._rooms)
        return Reason(
            "INFEASIBLE",
            f"It needs {self._gang(work)}, which never fits into pool {self._pool}: "
            f"its largest node has {count(largest)}, all its nodes {total}. Ask for less.",
        )

    def _degraded(self, work: Queued) -> Reason:
        down = sum(1 for room in self._rooms if not room.usable)
        return Reason(
            "POOL_DEGRADED",
            f"It needs {self._gang(work)}, but {count(down, 'node')} of pool {self._pool} "
            f"can take no work, which leaves {count(self._capacity)}. "
            "It starts when enough nodes are ready again.",
        )

    def _short(self, work: Queued) -> Reason:
        promised = sum(self._ledger.quotas.values())
        return Reason(
            "POOL_DEGRADED",
            f"Group {work.group} is within its quota, but pool {self._pool} has only "
            f"{count(self._capacity)} on ready nodes for {promised} guaranteed. "
            f"It starts when nodes return or {count(work.gpus)} fall free.",
        )

    def _quota(self, work: Queued) -> Reason:
        ledger, group = self._ledger, work.group
        beyond = work.gpus - ledger.unused(group)
        lent = ledger.borrowable()
        kept = ledger.free - lent
        can = f"{count(lent)} can be borrowed ({ledger.free} free, {kept} kept for guarantees)"
        if not ledger.quota(group):
            return Reason(
                "BORROW_FULL",
                f"Group {group} has no quota in pool {self._pool}, so it only borrows: it needs "
                f"{work.gpus} and {can}. It starts when {count(beyond - lent)} more can be "
                "borrowed.",
            )
        return Reason(
            "QUOTA_FULL",
            f"Group {group} uses {ledger.used[group]} of its {ledger.quota(group)} guaranteed "
            f"GPUs in pool {self._pool}; it needs {work.gpus} more and {can}. It starts when "
            f"the group's own work frees {count(beyond - lent)} or as many can be borrowed.",
        )

    def _fragmented(self, work: Queued) -> Reason:
        return Reason(
            "FRAGMENTED",
            f"It needs {self._gang(work)}; pool {self._pool} has {count(self._left.total())} "
            f"free, but at most {self._left.largest()} on one node. It starts when "
            f"{self._missing(work)}.",
        )

    def _full(self, work: Queued) -> Reason:
        free = self._left.total()
        return Reason(
            "POOL_FULL",
            f"It needs {self._gang(work)}; pool {self._pool} has {count(free)} free. "
            f"It starts when {self._missing(work)}.",
        )

    def _missing(self, work: Queued) -> str:
        if work.pods == 1:
            short = work.gpus_per_pod - self._left.largest()
            return f"{count(short)} more fall free on one node"
        short = work.pods - self._left.slots(work.gpus_per_pod)
        return f"{count(short, 'more place')} of {count(work.gpus_per_pod)} on one node fall free"

    def _gang(self, work: Queued) -> str:
        each = f"{count(work.gpus_per_pod)} on one node"
        return each if work.pods == 1 else f"{work.pods} times {each}, all at once"
