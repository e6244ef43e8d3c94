"""The one loop that every controller runs, and the way to end it."""

import logging
import signal
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import FrameType

log = logging.getLogger(__name__)


class Shutdown:
    """Says when to stop, and sleeps so that a signal or a nudge ends the sleep early.

    A ``SimpleQueue`` carries the wake-up because its ``put`` may run inside a signal handler,
    where taking a lock could block for ever.
    """

    def __init__(self) -> None:
        self.requested = False
        self._nudged = False
        self._bell: SimpleQueue[None] = SimpleQueue()

    @classmethod
    def on_signals(cls) -> "Shutdown":
        """A shutdown that SIGTERM and SIGINT request; call it in the main thread."""
        shutdown = cls()

        def handle(_signal: int, _frame: FrameType | None) -> None:
            shutdown.request()

        signal.signal(signal.SIGTERM, handle)
        signal.signal(signal.SIGINT, handle)
        return shutdown

    def request(self) -> None:
        """Ask the loop to end after the pass it is in."""
        self.requested = True
        self._bell.put(None)

    def nudge(self) -> None:
        """End the sleep now: there is something to do. Nudges during a pass are kept."""
        if not self._nudged:
            self._nudged = True
            self._bell.put(None)

    def sleep(self, seconds: float, settle: float = 0.0) -> None:
        """Wait ``seconds`` or until nudged; then ``settle`` more, so that a burst is one pass."""
        if self._wait(seconds) and settle:
            self._wait(settle)

    def _wait(self, seconds: float) -> bool:
        if self.requested:
            return False
        try:
            self._bell.get(timeout=seconds)
        except Empty:
            return False
        self._nudged = False
        return not self.requested


def run_every(
    seconds: float, step: Callable[[], None], shutdown: Shutdown, settle: float = 0.0
) -> None:
    """Call ``step`` until shutdown; a failed step is logged and tried again.

    This holds the only broad ``except`` of a controller: a pass looks at everything afresh, so
    a lost pass costs nothing.
    """
    while not shutdown.requested:
        try:
            step()
        except Exception:
            log.exception("step failed, next try in %gs", seconds)
        shutdown.sleep(seconds, settle)
