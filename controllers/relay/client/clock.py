"""The time the server goes by: tokens live a minute, and clocks of clusters are off by more."""

import time
from email.utils import parsedate_to_datetime

WRONG_SECONDS = 5.0


class Clock:
    """The local clock, corrected by what the server says when the two differ."""

    def __init__(self) -> None:
        self.offset = 0.0

    def now(self) -> float:
        """Epoch seconds by the server's clock."""
        return time.time() + self.offset

    @property
    def ahead(self) -> float:
        """How far the local clock is ahead of the server's; 0 within a few seconds."""
        return -self.offset

    def observe(self, date: str | None) -> bool:
        """Take the Date header of an answer into account; whether that changed anything."""
        if not date:
            return False
        try:
            offset = parsedate_to_datetime(date).timestamp() - time.time()
        except (ValueError, OverflowError):
            return False
        if abs(offset - self.offset) <= WRONG_SECONDS:
            return False
        self.offset = offset
        return True
