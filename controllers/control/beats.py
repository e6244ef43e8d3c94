"""When each loop last ended a pass well."""

import threading
import time
from collections.abc import Callable


class Beats:
    """Times by loop name, by the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._at: dict[str, float] = {}

    def mark(self, loop: str) -> None:
        """A pass ended well now."""
        with self._lock:
            self._at[loop] = self._monotonic()

    def clear(self) -> None:
        """Forget all: the loops have ended."""
        with self._lock:
            self._at.clear()

    def ages(self) -> dict[str, float]:
        """Seconds since each loop's last good pass."""
        with self._lock:
            now = self._monotonic()
            return {loop: now - at for loop, at in sorted(self._at.items())}
