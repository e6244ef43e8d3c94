"""How many links to dial, and when to try again. No I/O."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from controllers.relay.limits import PoolSize

PARALLEL_DIALS = 4
SURPLUS_SECONDS = 60.0
LIFE_SECONDS = 3600.0
LIFE_SPREAD = 0.2
LONGEST_BACKOFF = 8.0
REPLICAS = 2
"""Relay-servers to hold links to, so that the loss of one leaves some."""
LONGEST_SEEK = 60.0
"""However often a dial to another relay-server has ended at one that is held already."""
LET_GO_SECONDS = 5.0
"""How long as many links as usual are awaited before one is let go that was told to leave."""
LONGEST_WAIT = 300.0
"""However long a server asks us to stay away."""
REFUSED_SECONDS = {401: 60.0, 403: 300.0, 426: 300.0}
BARRED_SECONDS = 60.0
"""After a refusal that is not the relay-server's: whoever mends its rule should not wait long."""


@dataclass(frozen=True)
class Links:
    """What there is: idle and busy links that do not drain, and dials under way."""

    idle: int
    busy: int
    dialling: int
    draining: int = 0

    @property
    def total(self) -> int:
        """All that count against the pool's size."""
        return self.idle + self.busy + self.dialling


def dials(links: Links, size: PoolSize, wanted: int, reachable: bool, started: bool) -> int:
    """How many dials to begin now; one at a time while the server is not known to be there."""
    spare = links.idle + links.dialling
    need = max(size.min - spare, wanted - links.dialling)
    if not started:
        need = max(need, size.start - links.total)
    room = size.max - links.total - links.draining
    parallel = (PARALLEL_DIALS if reachable else 1) - links.dialling
    return max(0, min(need, room, parallel))


@dataclass(frozen=True)
class Idle:
    """A link that carries nothing: to whom, for how long, since when, and its life; seconds."""

    replica: str
    unused: float
    age: float
    life: float

    @property
    def old(self) -> bool:
        """Whether its time is over."""
        return self.age > self.life


def seeks(held: Collection[str], replicas: Collection[str]) -> bool:
    """Whether links to another relay-server are wanted; ``held`` are those of links not old."""
    return len(set(held)) < min(REPLICAS, max(1, len(replicas)))


def seek_wait(misses: int, chance: float) -> float:
    """Seconds until another relay-server is sought again; ``chance`` is 0.5 to 1."""
    return min(LONGEST_SEEK, 2.0 ** min(misses, 10)) * chance


def closable(
    idle: Sequence[Idle], held: Counter[str], replicas: Collection[str], size: PoolSize
) -> list[int]:
    """Which idle links to close: the surplus, the least used first, and one that is old.

    Never the last one to a relay-server that has to be held: its replacement comes first.
    """
    left = Counter(held)
    spare = len(idle) - size.min
    found: list[int] = []
    one_old = False
    for index in sorted(range(len(idle)), key=lambda each: -idle[each].unused):
        link = idle[index]
        surplus = spare > 0 and link.unused > SURPLUS_SECONDS
        aged = link.old and not one_old
        last = left[link.replica] <= 1 and len(left) <= min(REPLICAS, max(1, len(replicas)))
        if last or not (surplus or aged):
            continue
        one_old = one_old or link.old
        spare -= 1
        left[link.replica] -= 1
        left += Counter()  # drops who has none left
        found.append(index)
    return found


def replaced(drained: float, elsewhere: bool, size: PoolSize) -> int:
    """How many idle links make one that was told to leave, so many seconds ago, of no more use.

    With no relay-server ``elsewhere`` it keeps its own from ending; else it may be all there is.
    """
    return size.min if drained <= LET_GO_SECONDS else int(elsewhere)


def backoff(failures: int, chance: float) -> float:
    """Seconds until the next try after that many failures; ``chance`` is 0.5 to 1."""
    longest = min(LONGEST_BACKOFF, 2.0 ** max(0, failures - 1))
    return max(1.0, longest * chance)


def join_wait(refusals: int) -> float:
    """Seconds until a join Secret that was refused is tried again, unless it changes before."""
    return min(LONGEST_WAIT, 60.0 * 2.0 ** min(refusals, 10))


def refused_wait(
    status: int, retry_after: float | None, chance: float, barred: bool = False
) -> float:
    """Seconds until the next try after a refusal; ``chance`` is 0.5 to 1."""
    seconds = BARRED_SECONDS if barred else REFUSED_SECONDS.get(status, 1.0)
    return max(seconds, min(LONGEST_WAIT, retry_after or 0.0)) + chance
