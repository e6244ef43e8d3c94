"""How long to wait after failures in a row."""

import random
from collections.abc import Callable

FIRST_SECONDS = 1.0
LAST_SECONDS = 8.0


class Backoff:
    """Doubles from 1 to 8 seconds; spread by half, so that clusters do not come back in step."""

    def __init__(self, spread: Callable[[], float] = random.random) -> None:
        self._spread = spread
        self._failures = 0

    @property
    def failing(self) -> bool:
        """Whether the last try failed."""
        return self._failures > 0

    def failed(self) -> float:
        """Count a failure; the seconds to wait before the next try."""
        full = min(LAST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return full * (0.5 + self._spread() / 2)

    def succeeded(self) -> None:
        """Begin anew."""
        self._failures = 0
