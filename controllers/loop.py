"""Every controller is the same loop: look at everything afresh, act, sleep, until told to stop."""

import logging
import signal
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class Shutdown:
    """Asked for once, by a signal or by hand; it ends a sleep, never a pass."""

    def __init__(self) -> None:
        self._asked = threading.Event()

    @property
    def requested(self) -> bool:
        """Whether the loops shall end."""
        return self._asked.is_set()

    def request(self) -> None:
        """Ask the loops to end."""
        self._asked.set()

    def sleep(self, seconds: float) -> None:
        """Wait, at most until shutdown is asked for."""
        self._asked.wait(seconds)

    def on_signals(self) -> None:
        """Let SIGTERM and SIGINT ask for it; call it from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.request())


def run_every(seconds: float, step: Callable[[], None], shutdown: Shutdown) -> None:
    """Call ``step`` until shutdown; a failed step is logged and tried again."""
    while not shutdown.requested:
        try:
            step()
        except Exception:
            log.exception("step failed, next try in %gs", seconds)
        shutdown.sleep(seconds)
