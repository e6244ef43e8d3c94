"""How often each cluster may show a token: every one is remembered in Redis for five minutes."""

import time
from collections.abc import Callable

BURST = 500
A_SECOND = 50.0


class Pace:
    """So many at once, and so many a second after that; only for verified clusters."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._left: dict[str, tuple[float, float]] = {}
        """By cluster: how many are left, and when that was so."""

    def allows(self, cluster_id: str) -> bool:
        """Count one; whether it may be."""
        now = self._monotonic()
        left, at = self._left.get(cluster_id, (float(BURST), now))
        left = min(BURST, left + (now - at) * A_SECOND)
        allowed = left >= 1
        self._left[cluster_id] = (left - allowed, now)
        return allowed
