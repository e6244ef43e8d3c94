"""The server's end of a link: it opens the streams."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

from controllers.relay import message, wire
from controllers.relay.connection import Connection
from controllers.relay.limits import Timing
from controllers.relay.link import Link, Stream
from controllers.relay.server.observed import Observed
from controllers.relay.server.rate import Rate


class LinkLost(Exception):
    """The link went away before the stream was open; another may be tried."""


class OpenRefused(Exception):
    """The client opened no stream; ``code`` says why."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code = code


class Keeper(Protocol):
    """The pool a link belongs to."""

    rate: Rate | None
    observed: Observed

    def idle(self, link: "ServerLink") -> None:
        """The link can carry a stream, or must let go when it drains."""

    def gone(self, link: "ServerLink") -> None:
        """The link is no more."""

    def measured(self, seconds: float) -> None:
        """A round trip over the link took so long."""


KeyNews: TypeAlias = Callable[["ServerLink", message.Rotate | message.Report], None]


class ServerLink(Link):
    """A connection that a cluster dialled in; ``kid`` is the key it proved to hold."""

    def __init__(self, connection: Connection, kid: str, keeper: Keeper, timing: Timing) -> None:
        super().__init__(connection, masked=False, timing=timing)
        self.kid = kid
        self.on_key_news: KeyNews | None = None
        self.sent_away = False
        """Whether we have told the client to dial elsewhere."""
        self._keeper = keeper
        self._last_id = 0
        self._opening: asyncio.Future[None] | None = None
        self._on_opened: Callable[[], tuple[Connection, bytes]] | None = None
        self._pings, self._pinged_at = 0, 0.0

    def received(self, data: wire.Data) -> None:
        """Bytes of frames; where there is a limit, no faster than that."""
        super().received(data)
        if self._keeper.rate is not None:
            self._pace(self._keeper.rate, self.connection, len(data))

    def send_data(self, data: wire.Data) -> None:
        """Bytes of the stream, outwards, no faster than the limit."""
        super().send_data(data)
        if (
            self._keeper.rate is not None
            and self.stream is not None
            and self.stream.leg is not None
        ):
            self._pace(self._keeper.rate, self.stream.leg.connection, len(data))

    async def open(
        self, target: str, seconds: float, on_opened: Callable[[], tuple[Connection, bytes]]
    ) -> None:
        """Open a stream; ``on_opened`` gives the caller's connection, and what it has sent
        already, the moment the stream is open.

        Raises OpenRefused, LinkLost, or TimeoutError after ``seconds``.
        """
        self._last_id += 1
        self.stream = Stream(self._last_id)
        self._opening = self._loop.create_future()
        self._on_opened = on_opened
        self.send(message.Open(self._last_id, target, int(seconds * 1000)))
        # One second more than the client has, so that its own words can arrive.
        late = self._loop.call_later(seconds + 1, self._fail, TimeoutError())
        try:
            await self._opening
        except (TimeoutError, asyncio.CancelledError):
            self.reset("deadline", "the caller waits no longer")
            raise
        finally:
            late.cancel()
            self._opening = self._on_opened = None

    def drain(self, seconds: float) -> None:
        """Tell the client to dial elsewhere; until it has, an idle link still takes a stream."""
        self.draining = self.sent_away = True
        self.send(message.Drain(seconds))

    def on_message(self, incoming: message.Message) -> None:
        """Answers to ``open``, and the client's wish to leave."""
        match incoming:
            case message.Opened(id=number):
                self._opened(number)
            case message.Refused(id=number, code=code, message=words):
                if self.stream is not None and self.stream.id == number:
                    if self.stream.leg is not None:
                        raise wire.WireError("a stream that was opened is refused")
                    # Also when a reset is on its way: the client is idle and will drop it.
                    self._fail(OpenRefused(code, words))
                    self._finish(cut=False)
            case message.Rotate() | message.Report():
                if self.on_key_news is not None:
                    self.on_key_news(self, incoming)
            case message.Drain():
                self.draining, self.sent_away = True, False
                if self.stream is None:
                    self._keeper.idle(self)
            case _:
                pass

    def on_early_data(self, _stream: Stream | None, _data: wire.Data) -> None:
        """A client never speaks before ``opened``."""
        raise wire.WireError("data without an open stream")

    def measure(self) -> None:
        """Send a ping of our own; the keeper is told when its answer is here."""
        self._pings += 1
        self._pinged_at = time.monotonic()  # the loop's own time stands still within a turn
        self.ping(self._pings.to_bytes(8, "big"))

    def on_pong(self, payload: bytes) -> None:
        """The answer to our last ping; any other is nothing."""
        if self._pinged_at and payload == self._pings.to_bytes(8, "big"):
            self._keeper.measured(time.monotonic() - self._pinged_at)
            self._pinged_at = 0.0

    def reset(self, code: str, words: str) -> None:
        """Cut the stream, and count it."""
        if self.stream is not None and not self.stream.resetting:
            self._keeper.observed.reset("server", code)
        super().reset(code, words)

    def close(self, code: int = wire.GOING_AWAY, reason: str = "") -> None:
        """Close; who waits for a stream over it need not wait until the peer is gone, too."""
        super().close(code, reason)
        self._fail(LinkLost())

    def on_reset(self, _stream: Stream, reset: message.Reset) -> None:
        """The client cut the stream, maybe instead of opening it."""
        self._keeper.observed.reset("client", reset.code)
        leaves = reset.code == "drained"
        self._fail(LinkLost() if leaves else OpenRefused(reset.code, reset.message))

    def on_idle(self) -> None:
        """Back into the pool."""
        if not self.connection.closed:
            self._keeper.idle(self)

    def on_lost(self, _stream: Stream | None) -> None:
        """Out of the pool."""
        self._fail(LinkLost())
        self._keeper.gone(self)

    def _opened(self, number: int) -> None:
        stream = self.stream
        if stream is None or stream.id != number or stream.resetting or self._on_opened is None:
            return
        on_opened, self._on_opened = self._on_opened, None  # a second `opened` is nothing
        connection, early = on_opened()
        self.attach(connection)
        self.send_data(early)
        if self._opening is not None and not self._opening.done():
            self._opening.set_result(None)

    def _pace(self, rate: Rate, source: Connection, size: int) -> None:
        seconds = rate.wait(size, self._loop.time())
        if seconds:
            source.pause("rate")
            self._loop.call_later(seconds, source.resume, "rate")

    def _fail(self, failure: Exception) -> None:
        if self._opening is not None and not self._opening.done():
            self._opening.set_exception(failure)
