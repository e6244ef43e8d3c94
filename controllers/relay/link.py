"""One connection of the pool: a WebSocket that carries one stream after another."""

import asyncio
import logging
from dataclasses import dataclass

from controllers.relay import message, wire
from controllers.relay.connection import Connection
from controllers.relay.leg import Leg
from controllers.relay.limits import RESET_SECONDS, UNSENT_BYTES, Timing
from controllers.relay.seldom import Seldom

_seldom = Seldom(logging.getLogger(__name__))
"""A peer that is let in, and means harm, could do so all day."""


@dataclass(eq=False)
class Stream:
    """The stream a link carries now. An end is an empty data frame, one a direction."""

    id: int
    leg: Leg | None = None
    end_sent: bool = False
    end_seen: bool = False
    resetting: bool = False


class Link:
    """What both sides share: frames, the stream's ends and resets, signs of life.

    A reset is confirmed by a reset of the same id. One that crosses the last end frame needs no
    confirmation: by then both ends were sent and seen, and a stale id is dropped.
    """

    def __init__(self, connection: Connection, masked: bool, timing: Timing) -> None:
        self.connection = connection
        self.stream: Stream | None = None
        self.draining = False
        self.timing = timing
        self._loop = asyncio.get_running_loop()
        self.seen_at = self._loop.time()
        self.used_at = self.seen_at
        self.why = ""
        """Why the connection ended, in words, once it has."""
        self._masked = masked
        self._decoder = wire.Decoder(masked=not masked)
        self._giving_up: asyncio.TimerHandle | None = None
        self._watch = self._loop.call_later(timing.dead, self._check)
        connection.receiver = self

    # What the connection tells.

    def received(self, data: wire.Data) -> None:
        """Bytes of frames; a breach of the protocol closes the connection."""
        self.seen_at = self._loop.time()
        try:
            for opcode, payload in self._decoder.feed(data):
                if self.connection.closed:
                    return
                self._piece(opcode, payload)
        except wire.WireError as breach:
            _seldom.warning("breach", f"closing a connection: {breach}")
            self.close(wire.PROTOCOL_ERROR, str(breach))

    def ended(self) -> None:
        """The peer closed without a word."""
        self.connection.close()

    def lost(self, failure: Exception | None) -> None:
        """The connection is gone, and its stream with it."""
        self._watch.cancel()
        if self._giving_up is not None:
            self._giving_up.cancel()
        if not self.why:
            broke = "it was closed without a word" if failure is None else _broken(failure)
            self.why = broke
        stream, self.stream = self.stream, None
        if stream is not None and stream.leg is not None:
            stream.leg.release(cut=True)
        self.on_lost(stream)

    def full(self) -> None:
        """The tunnel is slow: stop reading the plain side."""
        if self.stream is not None and self.stream.leg is not None:
            self.stream.leg.connection.pause("link")

    def drained(self) -> None:
        """Read the plain side again."""
        if self.stream is not None and self.stream.leg is not None:
            self.stream.leg.connection.resume("link")

    # What the leg tells.

    def send_data(self, data: wire.Data) -> None:
        """Bytes of the stream, outwards."""
        stream = self.stream
        if stream is not None and not stream.end_sent and not stream.resetting:
            for head, payload in wire.data_frames(data, self._masked):
                self.connection.write_read(payload, head)

    def leg_ended(self) -> None:
        """The plain side sends no more: say so in band."""
        if self.stream is not None:
            self._send_end(self.stream)
            self._settle(self.stream)

    def leg_broke(self) -> None:
        """The plain side was cut: the peer must not take it for an end."""
        self.reset("broken", "the connection behind the relay broke")

    # What the owner asks for.

    def send(self, outgoing: message.Message) -> None:
        """A control message; a peer that makes us say more than it reads is cut."""
        self.connection.write(wire.frame(wire.TEXT, message.encode(outgoing), self._masked))
        if self.connection.unsent > UNSENT_BYTES:
            words = f"cutting a connection: {self.connection.unsent} bytes were not read"
            _seldom.warning("unread", words)
            self.connection.cut()

    def ping(self, payload: bytes) -> None:
        """A WebSocket ping; the peer returns the payload."""
        self.connection.write(wire.frame(wire.PING, payload, self._masked))

    def attach(self, connection: Connection) -> Leg:
        """Join a plain connection to the stream."""
        if self.stream is None:
            raise RuntimeError("there is no stream to attach to")
        self.stream.leg = Leg(connection, self)
        if self.connection.is_full:
            connection.pause("link")
        return self.stream.leg

    def reset(self, code: str, words: str) -> None:
        """Cut the stream; the connection is idle once the peer has confirmed."""
        stream = self.stream
        if stream is None or stream.resetting:
            return
        stream.resetting = True
        self.send(message.Reset(stream.id, code, words))
        self._cut_leg(stream)
        self._giving_up = self._loop.call_later(RESET_SECONDS, self._give_up)

    def close(self, code: int = wire.GOING_AWAY, reason: str = "") -> None:
        """Say why, then close; a stream that still runs is cut."""
        if not self.connection.closed:
            self.why = self.why or reason
            payload = wire.close_payload(code, reason)
            self.connection.write(wire.frame(wire.CLOSE, payload, self._masked))
            self.connection.close()
            if self.stream is not None:
                # Now: a peer that does not take part in the end of TLS delays ours.
                self._cut_leg(self.stream)

    @property
    def silent_seconds(self) -> float:
        """How long the peer has said nothing; 0 while we ourselves do not listen."""
        if self.connection.paused:
            self.seen_at = self._loop.time()
        return self._loop.time() - self.seen_at

    @property
    def rested_seconds(self) -> float:
        """How long ago it was made, or its last stream was over."""
        return self._loop.time() - self.used_at

    # What each side fills in.

    def on_message(self, incoming: message.Message) -> None:
        """A control message other than reset."""

    def on_early_data(self, _stream: Stream | None, _data: wire.Data) -> None:
        """Data when no leg is there to take it; empty data is the end."""

    def on_pong(self, payload: bytes) -> None:
        """The answer to a ping."""

    def on_reset(self, _stream: Stream, reset: message.Reset) -> None:
        """The peer cut the stream."""

    def on_idle(self) -> None:
        """The stream is over and the connection can carry another."""

    def on_lost(self, _stream: Stream | None) -> None:
        """The connection is gone; with what it carried."""

    # Frames and ends.

    def _piece(self, opcode: int, payload: wire.Data) -> None:
        if opcode == wire.BINARY:
            self._data(payload)
            return
        payload = bytes(payload)
        if opcode == wire.TEXT:
            incoming = message.decode(payload)
            if isinstance(incoming, message.Reset):
                self._reset_received(incoming)
            elif incoming is not None:
                self.on_message(incoming)
        elif opcode == wire.PING:
            # A peer that does not read what is sent needs no further sign of life.
            if not self.connection.is_full:
                self.connection.write(wire.frame(wire.PONG, payload, self._masked))
        elif opcode == wire.PONG:
            self.on_pong(payload)
        else:
            self.why = self.why or f"the other side closed it: {wire.closed_because(payload)}"
            self.close(wire.NORMAL)

    def _data(self, data: wire.Data) -> None:
        stream = self.stream
        if stream is not None and stream.resetting:
            if not data:
                stream.end_seen = True
                self._settle(stream)
        elif stream is None or stream.leg is None:
            self.on_early_data(stream, data)
        elif stream.end_seen:
            raise wire.WireError("data after the end of its direction")
        elif data:
            stream.leg.connection.write_read(data)
        else:
            self.end_received(stream)

    def end_received(self, stream: Stream) -> None:
        """The peer's end: the plain side is closed after what is left is sent."""
        stream.end_seen = True
        self._send_end(stream)
        self._settle(stream)

    def _send_end(self, stream: Stream) -> None:
        if not stream.end_sent and not stream.resetting:
            stream.end_sent = True
            self.connection.write(wire.frame(wire.BINARY, b"", self._masked))

    def _settle(self, stream: Stream) -> None:
        if stream is self.stream and stream.end_sent and stream.end_seen:
            self._finish(cut=False)

    def _reset_received(self, reset: message.Reset) -> None:
        stream = self.stream
        if stream is None or stream.id != reset.id:
            return
        if not stream.resetting:
            self.send(message.Reset(reset.id, "confirmed"))
            self.on_reset(stream, reset)
        self._finish(cut=True)

    def _finish(self, cut: bool) -> None:
        stream, self.stream = self.stream, None
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        if stream is not None and stream.leg is not None:
            stream.leg.release(cut)
        self.used_at = self._loop.time()
        self.on_idle()

    def _cut_leg(self, stream: Stream) -> None:
        if stream.leg is not None:
            stream.leg.release(cut=True)

    def _check(self) -> None:
        """Cut a link whose peer is gone, to the second; none is looked at before it can be."""
        left = self.timing.dead - self.silent_seconds
        if left <= 0:
            self.why = f"nothing came for {self.timing.dead:g} s"
            self.connection.cut()
        else:
            self._watch = self._loop.call_later(left, self._check)

    def _give_up(self) -> None:
        self.close(wire.PROTOCOL_ERROR, "a reset was not confirmed")


def _broken(failure: Exception) -> str:
    return f"the connection broke ({type(failure).__name__})"
