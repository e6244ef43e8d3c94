"""How many links to dial, and when to try again. No I/O."""

from dataclasses import dataclass

from controllers.relay.limits import PoolSize

PARALLEL_DIALS = 4
SURPLUS_SECONDS = 60.0
LIFE_SECONDS = 3600.0
LIFE_SPREAD = 0.2
LONGEST_BACKOFF = 8.0
LONGEST_WAIT = 300.0
"""However long a server asks us to stay away."""
REFUSED_SECONDS = {401: 60.0, 403: 300.0, 426: 300.0}


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


def backoff(failures: int, chance: float) -> float:
    """Seconds until the next try after that many failures; ``chance`` is 0.5 to 1."""
    longest = min(LONGEST_BACKOFF, 2.0 ** max(0, failures - 1))
    return max(1.0, longest * chance)


def refused_wait(status: int, retry_after: float | None, chance: float) -> float:
    """Seconds until the next try after a refusal; ``chance`` is 0.5 to 1."""
    seconds = REFUSED_SECONDS.get(status, 1.0)
    return max(seconds, min(LONGEST_WAIT, retry_after or 0.0)) + chance
