"""Warnings that strangers can bring about: so seldom that they cannot fill the log."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

SECONDS = 60.0


class Seldom:
    """Logs a warning of each kind once a minute at most, and how many there were in between.

    The kinds must be few: they are remembered. Several threads may use it.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._mutex = Lock()
        self._told: dict[str, float] = {}
        self._untold: Counter[str] = Counter()

    def warning(self, kind: str, words: str, trace: BaseException | None = None) -> None:
        """Say it, or count it."""
        now = self._clock()
        with self._mutex:
            if now - self._told.get(kind, -SECONDS) < SECONDS:
                self._untold[kind] += 1
                return
            self._told[kind] = now
            untold = self._untold.pop(kind, 0)
        more = f" ({untold} more like this since the last that was logged)" if untold else ""
        self._log.warning("%s%s", words, more, exc_info=trace)
