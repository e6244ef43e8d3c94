"""Finding room for a gang: nodes in buckets by free GPUs, filled tightly."""

import heapq
from collections import defaultdict
from collections.abc import Iterable

from controllers.scheduling.snapshot import Room


class Rooms:
    """The usable nodes of one pool and what is left of them while a decision is made."""

    def __init__(self, rooms: Iterable[Room]) -> None:
        self._left: dict[str, int] = {}
        self._buckets: defaultdict[int, list[str]] = defaultdict(list)
        self._count: defaultdict[int, int] = defaultdict(int)
        for room in rooms:
            self._add(room.node, max(0, room.free))

    def slots(self, gpus_per_pod: int) -> int:
        """How many pods of this size fit at once."""
        return sum((free // gpus_per_pod) * n for free, n in self._count.items())

    def largest(self) -> int:
        """The most GPUs left on one node."""
        return max((free for free, n in self._count.items() if n), default=0)

    def total(self) -> int:
        """GPUs left on all nodes."""
        return sum(free * n for free, n in self._count.items())

    def place(self, pods: int, gpus_per_pod: int) -> dict[str, int] | None:
        """Take room for the whole gang, as pods by node, or take nothing and return None.

        On as few nodes as possible, because pods of a gang talk to each other; among those, on
        the node that is left with the fewest free GPUs.
        """
        if self.slots(gpus_per_pod) < pods:
            return None
        placement: dict[str, int] = {}
        rest = pods
        while rest:
            free = self._tightest(rest, gpus_per_pod)
            node = self._pop(free)
            taken = min(rest, free // gpus_per_pod)
            placement[node] = taken
            rest -= taken
        # Taken nodes go back only now, so that none is chosen twice for one gang.
        for node, taken in placement.items():
            shut = min(self._left[node] // gpus_per_pod, pods) if len(placement) > 1 else taken
            self._add(node, self._left[node] - shut * gpus_per_pod)
        return placement

    def _tightest(self, rest: int, gpus_per_pod: int) -> int:
        """The smallest bucket that takes all the rest, else the smallest that takes the most."""
        most = min(rest, self.largest() // gpus_per_pod)
        return min(f for f, n in self._count.items() if n and f // gpus_per_pod >= most)

    def _add(self, node: str, free: int) -> None:
        self._left[node] = free
        self._count[free] += 1
        heapq.heappush(self._buckets[free], node)

    def _pop(self, free: int) -> str:
        self._count[free] -= 1
        return heapq.heappop(self._buckets[free])


def held(placement: dict[str, int], slots: dict[str, int], unbound: int) -> dict[str, int]:
    """Pods to keep room for on each node, while ``unbound`` pods of a started gang have no node.

    Pods of one template may go to any node of the set, so on several nodes each must keep room
    for all that could still land there (``slots``: what fits); on one node the number is exact.
    """
    if not unbound:
        return {}
    if len(placement) == 1:
        return {node: unbound for node in placement}
    return {node: min(unbound, slots.get(node, 0)) for node in placement}
