"""Calls to clusters, a thread each."""

import threading
from collections.abc import Callable


class Errands:
    """At most one call to a cluster at a time; one that hangs holds up nobody else.

    The threads are daemons, so that it does not hold up the end of the process either.
    """

    def __init__(self) -> None:
        self._running: dict[str, threading.Thread] = {}

    @property
    def busy(self) -> set[str]:
        """Clusters that are being called."""
        return {cluster for cluster, thread in self._running.items() if thread.is_alive()}

    def run(self, cluster: str, call: Callable[[], None]) -> None:
        """Begin a call; look at ``busy`` first."""
        self._running[cluster] = threading.Thread(target=call, daemon=True)
        self._running[cluster].start()
