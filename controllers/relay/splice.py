"""Two plain connections made one: what comes over either goes out over the other."""

from collections.abc import Callable

from controllers.relay.connection import Connection


class Splice:
    """Lives until both are gone. An end on one side closes both, a cut cuts both."""

    def __init__(
        self, one: Connection, other: Connection, over: Callable[["Splice"], None]
    ) -> None:
        self._sides = (one, other)
        self._left = sum(not side.closed for side in self._sides)
        self._over = over
        for here, there in ((one, other), (other, one)):
            here.receiver = _Side(here, there, self._lost)
            here.guard()
            if here.is_full:
                there.pause("splice")
        if self._left < 2:
            self.cut()

    def cut(self) -> None:
        """Both at once, so that neither takes it for a clean end."""
        for side in self._sides:
            side.cut()

    def _lost(self) -> None:
        self._left -= 1
        if not self._left:
            self._over(self)


class _Side:
    """The receiver of one connection."""

    def __init__(self, here: Connection, there: Connection, lost: Callable[[], None]) -> None:
        self._here, self._there, self._told = here, there, lost

    def received(self, data: memoryview) -> None:
        self._there.write_read(data)

    def ended(self) -> None:
        self._there.close()
        self._here.close()

    def lost(self, failure: Exception | None) -> None:
        # It may have been full: nothing else would let the other side read its own end.
        self._there.resume("splice")
        if failure is None:
            self._there.close()
        else:
            self._there.cut()
        self._told()

    def full(self) -> None:
        self._there.pause("splice")

    def drained(self) -> None:
        self._there.resume("splice")
