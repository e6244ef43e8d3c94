"""The body of a request, as it comes in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from controllers.relay.connection import Connection
from controllers.relay.limits import HIGH_WATER_BYTES

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Body:
    """``length`` bytes off a connection; reading stops while too many wait to be taken."""

    def __init__(self, length: int, connection: Connection, awaited: bool = False) -> None:
        """``awaited``: the sender holds it back until it is told to go on."""
        self.length = length
        self._awaited = awaited
        self._connection = connection
        self._left = length
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._news = asyncio.Event()

    @property
    def complete(self) -> bool:
        """Whether all of it has come in."""
        return self._left == 0

    def feed(self, data: bytes | memoryview) -> bytes | memoryview:
        """Take what belongs to the body; returns what follows it."""
        mine, rest = data[: self._left], data[self._left :]
        if mine:
            self._awaited = False
            self._left -= len(mine)
            self._chunks.append(bytes(mine))
            self._held += len(mine)
            self._news.set()
            if self._held > HIGH_WATER_BYTES and not self.complete:
                self._connection.pause("body")
        return rest

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes as they come; the task that reads is cancelled when the sender goes away."""
        while self._chunks or not self.complete:
            if not self._chunks:
                self._news.clear()
                self._connection.resume("body")
                if self._awaited:
                    self._awaited = False
                    self._connection.write(CONTINUE)
                await self._news.wait()
            chunk = self._chunks.popleft()
            self._held -= len(chunk)
            yield chunk
        self._connection.resume("body")

    async def read(self) -> bytes:
        """All of it; check ``length`` first."""
        return b"".join([chunk async for chunk in self.chunks()])
