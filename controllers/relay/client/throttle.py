"""A call that is asked for more often than it is worth."""

import asyncio
from collections.abc import Callable


class Throttle:
    """Passes a call on at once, and what is asked for within ``seconds`` of it as one, then."""

    def __init__(self, seconds: float, passed_on: Callable[[], None]) -> None:
        self._seconds = seconds
        self._passed_on = passed_on
        self._asked = False
        self._resting: asyncio.TimerHandle | None = None

    def __call__(self) -> None:
        """Ask."""
        self._asked = True
        if self._resting is None:
            self._pass_on()

    def _pass_on(self) -> None:
        self._resting = None
        if self._asked:
            self._asked = False
            loop = asyncio.get_running_loop()
            self._resting = loop.call_later(self._seconds, self._pass_on)
            self._passed_on()
