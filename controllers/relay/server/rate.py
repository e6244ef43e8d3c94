"""A limit of bytes a second, that all streams of a cluster share."""

from controllers.relay.limits import TURN_BYTES


class Rate:
    """Tells a source that went ahead of the limit how long to wait; nothing is thrown away."""

    def __init__(self, bytes_per_second: float) -> None:
        self._bytes_per_second = bytes_per_second
        self._ahead = 0.0
        self._told_at = 0.0

    def wait(self, size: int, now: float) -> float:
        """Seconds to read nothing after ``size`` bytes at ``now``, seconds of any steady clock.

        What one turn of the event loop may bring is let pass at once.
        """
        past = (now - self._told_at) * self._bytes_per_second
        self._ahead = max(0.0, self._ahead - past) + size
        self._told_at = now
        return max(0.0, self._ahead - TURN_BYTES) / self._bytes_per_second
