"""One socket: reasons to pause, back-pressure, and a fair share of the event loop."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Protocol, cast
from weakref import WeakKeyDictionary, WeakSet

from controllers.relay.limits import COPY_BYTES, HIGH_WATER_BYTES, TURN_BYTES

USER_TIMEOUT_MS = 45_000
KEEP_IDLE_SECONDS = 20
KEEP_INTERVAL_SECONDS = 10
"""A silent peer is probed by TCP; by itself Linux would begin after two hours."""
LINGER_SECONDS = 60.0
"""How long a closed connection may go on sending what is left."""
SMALL_BYTES = 4096
"""What is joined to one write rather than sent in parts."""
_buffers: WeakKeyDictionary[asyncio.AbstractEventLoop, memoryview] = WeakKeyDictionary()
_lingering: "WeakSet[Connection]" = WeakSet()
"""Closed, and maybe not all is sent."""


class Receiver(Protocol):
    """Who is told what happens on a connection; it may be replaced while the connection lives."""

    def received(self, data: memoryview) -> None:
        """Bytes came; they are good until this returns, for the next ones take their place."""

    def ended(self) -> None:
        """The peer sends no more."""

    def lost(self, failure: Exception | None) -> None:
        """The connection is gone; None: it was closed in order."""

    def full(self) -> None:
        """More is unsent than is good: stop the source."""

    def drained(self) -> None:
        """Sending goes on."""


class Connection(asyncio.BufferedProtocol):
    """A socket whose owner may change while it lives; the protocol object never does.

    All connections of an event loop read into one buffer, since each read is dealt with before the
    next begins. Reading stops while there is any reason to pause. After TURN_BYTES it stops by
    itself until all other connections had their turn: uvloop would read one busy socket many times
    in a row.
    """

    def __init__(self, receiver: Receiver | None = None) -> None:
        self.receiver = receiver
        self.closed = False
        self.is_full = False
        self.bytes_out = self.bytes_in = 0
        self.unsent_most = HIGH_WATER_BYTES
        self.watched = False
        """Whether TCP already looks after it (see ``watch_over``)."""
        self._loop = asyncio.get_running_loop()
        self._buffer = _buffer_of(self._loop)
        self._reasons: set[str] = set()
        self._turn = 0
        self._linger: asyncio.TimerHandle | None = None
        self._ends_by_reset = False
        self._encrypts = False
        self._made = False
        """TCP is there, and TLS where it is asked for; before that it can only be closed."""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Set the socket up; TCP itself notices a dead peer after 45 s."""
        self._transport, self._made = cast(asyncio.Transport, transport), True
        if self.closed:
            self._transport.abort()
            return
        self._encrypts = transport.get_extra_info("sslcontext") is not None
        self._transport.set_write_buffer_limits(high=self.unsent_most)
        if not self.watched:
            self._set_up(watch_over)

    def get_buffer(self, _size: int) -> memoryview:
        """Where the next bytes go: the same place for all connections."""
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        """Pass bytes on, and yield to others after a fair share."""
        self.bytes_in += size
        self._turn += size
        if self._turn >= TURN_BYTES and not self.closed:
            self._turn = 0
            self.pause("turn")
            self._loop.call_soon(self.resume, "turn")
        if self.receiver is not None:
            self.receiver.received(self._buffer[:size])

    def eof_received(self) -> bool:
        """Stay open for the other direction, which TLS cannot; the receiver closes."""
        if self.receiver is not None:
            self.receiver.ended()
        return not self._encrypts

    def connection_lost(self, failure: Exception | None) -> None:
        """Tell the receiver, once."""
        self.closed = True
        _lingering.discard(self)
        if self._linger is not None:
            self._linger.cancel()
        receiver, self.receiver = self.receiver, None
        if receiver is not None:
            receiver.lost(failure)

    def pause_writing(self) -> None:
        """The peer reads too slowly."""
        self.is_full = True
        if self.receiver is not None:
            self.receiver.full()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.is_full = False
        if self.receiver is not None:
            self.receiver.drained()

    @property
    def unsent(self) -> int:
        """Bytes that wait for the peer to read."""
        return self._transport.get_write_buffer_size() if self._made else 0

    @property
    def paused(self) -> bool:
        """Whether we ourselves do not read."""
        return bool(self._reasons)

    def write(self, data: bytes) -> None:
        """Send; nothing happens on a closed connection."""
        if not self.closed:
            self.bytes_out += len(data)
            self._transport.write(data)

    def write_read(self, data: memoryview | bytes, head: bytes = b"") -> None:
        """Send ``head`` and then ``data`` that was read elsewhere and is good for this call only.

        TLS takes the bytes at once, so that they need no copy; a plain socket keeps what it is
        given.
        """
        if len(data) <= SMALL_BYTES:
            self.write(b"".join((head, data)) if head else bytes(data))
        elif self._encrypts:
            self._write_parts(head, cast(bytes, data))
        else:
            ends = range(0, len(data), COPY_BYTES)
            self._write_parts(head, *(bytes(data[at : at + COPY_BYTES]) for at in ends))

    def pause(self, reason: str) -> None:
        """Stop reading until every reason is taken back."""
        if not self._reasons and not self.closed:
            self._transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: str) -> None:
        """Take a reason back."""
        if reason in self._reasons:
            self._reasons.discard(reason)
            if not self._reasons and not self.closed:
                self._transport.resume_reading()

    def close(self) -> None:
        """Close when all is sent. Never a half-close: uvloop's write_eof corrupts the heap."""
        if not self.closed and self._made:
            self._end_by_reset(False)
            # With nothing to send it is gone at once; TLS takes leave first, and may hide some.
            if self._encrypts or self.unsent:
                self._linger = self._loop.call_later(LINGER_SECONDS, self.cut)
                _lingering.add(self)
            self._transport.close()
        self.closed = True

    def cut(self) -> None:
        """Close at once, by a reset, so that the peer does not take it for a clean end."""
        self.closed = True
        if not self._made:
            return
        if self.unsent or not self._transport.is_closing():
            self._end_by_reset(True)
        self._transport.abort()

    def guard(self) -> None:
        """Until it is closed in order, any end is a reset: the death of this process, too."""
        if not self.closed:
            self._end_by_reset(True)

    def _end_by_reset(self, reset: bool) -> None:
        if reset != self._ends_by_reset:
            self._ends_by_reset = reset
            self._set_up(_reset if reset else _no_reset)

    def _write_parts(self, *parts: bytes) -> None:
        if not self.closed:
            self.bytes_out += sum(map(len, parts))
            self._transport.writelines(parts)

    def _set_up(self, change: Callable[[socket.socket], None]) -> None:
        """Set options of the socket, cheaply: what uvloop shows makes a real one for each."""
        raw = cast(socket.socket | None, self._transport.get_extra_info("socket"))
        if raw is not None and (number := raw.fileno()) >= 0:
            own = socket.socket(socket.AF_INET, socket.SOCK_STREAM, fileno=number)
            try:
                change(own)
            except OSError:
                pass  # it is gone already; its loss is reported next
            finally:
                own.detach()


def lingering() -> list[Connection]:
    """Closed connections that still send what is left."""
    return [connection for connection in _lingering if connection.unsent]


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", True, 0))


def _no_reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", False, 0))


def watch_over(sock: socket.socket) -> None:
    """TCP itself notices a dead peer, and small writes are not held back."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_IDLE_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_INTERVAL_SECONDS)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS)


def _buffer_of(loop: asyncio.AbstractEventLoop) -> memoryview:
    """The one read buffer of an event loop."""
    if loop not in _buffers:
        _buffers[loop] = memoryview(bytearray(TURN_BYTES))
    return _buffers[loop]
