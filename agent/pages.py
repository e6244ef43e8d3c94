"""A page for each path, written once for each snapshot however many ask for it."""

import threading
import time
import zlib
from collections.abc import Callable

from agent.snapshot import Snapshot

STALE_SECONDS = 15.0
"""Older device values are left out: a stuck driver must look like no answer, not like a number."""

_GZIP = 31
"""Window bits by which zlib writes the gzip format."""


class Page:
    """``text(snapshot, fresh)`` once for each snapshot; ``tail(age)`` at each request."""

    def __init__(
        self,
        snapshot: Callable[[], Snapshot | None],
        text: Callable[[Snapshot | None, bool], str],
        tail: Callable[[float], str] = lambda _: "",
    ) -> None:
        self._snapshot = snapshot
        self._text = text
        self._tail = tail
        self._lock = threading.Lock()
        self._last: tuple[Snapshot | None, bool, _Body] | None = None

    def body(self, gzip: bool) -> bytes:
        """The page as it is now."""
        snapshot = self._snapshot()
        if snapshot is None:
            return self._written(None, False).ending("", gzip)
        age = max(0.0, time.monotonic() - snapshot.taken_at)
        return self._written(snapshot, age <= STALE_SECONDS).ending(self._tail(age), gzip)

    def _written(self, snapshot: Snapshot | None, fresh: bool) -> "_Body":
        with self._lock:
            last = self._last
            if last is None or last[0] is not snapshot or last[1] != fresh:
                last = self._last = snapshot, fresh, _Body(self._text(snapshot, fresh))
            return last[2]


class _Body:
    """Bytes of a page that still lacks its last lines, plain and compressed."""

    def __init__(self, text: str) -> None:
        # A name of the node or a folder need not be UTF-8: a mark stands for what is not.
        self._plain = text.encode(errors="replace")
        self._lock = threading.Lock()
        self._compressed: tuple[bytes, zlib._Compress] | None = None

    def ending(self, tail: str, gzip: bool) -> bytes:
        """The whole page, ended by ``tail``."""
        if not gzip:
            return self._plain + tail.encode()
        with self._lock:
            if self._compressed is None:
                stream = zlib.compressobj(1, wbits=_GZIP)
                begun = stream.compress(self._plain) + stream.flush(zlib.Z_SYNC_FLUSH)
                self._compressed = begun, stream
            begun, stream = self._compressed
        # A copy goes on where the page ended, so that only the last lines are compressed anew.
        rest = stream.copy()
        return begun + rest.compress(tail.encode()) + rest.flush()
