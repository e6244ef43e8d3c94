"""The client's end of a link: it serves the streams that the server opens."""

import asyncio
import struct
from collections.abc import Sequence
from typing import Protocol

from controllers.environment import Address
from controllers.relay import message, wire
from controllers.relay.call import CallFailed, Origin, connect
from controllers.relay.client.demand import LIFE_SECONDS, LIFE_SPREAD
from controllers.relay.connection import Connection
from controllers.relay.hub_key import HubKey
from controllers.relay.hub_place import CA_CHARACTERS, Places
from controllers.relay.limits import DIAL_SECONDS, HELD_BYTES, Timing
from controllers.relay.link import Link, Stream

_PING_SPREAD = 0.2
_TIME = struct.Struct("!d")


class Owner(Protocol):
    """The pool a link belongs to, and chance."""

    targets: dict[str, Address]

    def changed(self) -> None:
        """A link became idle, busy or draining."""

    def greeted(self, link: "ClientLink", hello: message.Hello) -> None:
        """The server has said who it is, who else there is, and what it wants."""

    def told(self, places: Places) -> None:
        """The server says where the control plane is."""

    def shown(self, keys: Sequence[HubKey]) -> None:
        """The server shows the hub's keys."""

    def gone(self, link: "ClientLink") -> None:
        """The link is no more."""

    def wanted(self, more: int) -> None:
        """The server asks for more links."""

    def key_news(self, news: message.Rotate | message.Rotated) -> None:
        """The server speaks of our key."""

    def report(self) -> message.Report:
        """What the server is told on each link."""

    def spread(self, low: float, high: float) -> float:
        """A random number between the two."""


class ClientLink(Link):
    """A connection we dialled. Targets are names; their addresses are our own settings."""

    def __init__(self, connection: Connection, owner: Owner, timing: Timing) -> None:
        super().__init__(connection, masked=True, timing=timing)
        self.drain_at: float | None = None
        self.rtt: float | None = None
        self.replica: str | None = None
        """Who answers; known once it has said hello."""
        self.streams_served = 0
        self.made_at = self.seen_at
        self.life = LIFE_SECONDS * owner.spread(1 - LIFE_SPREAD, 1 + LIFE_SPREAD)
        """How many seconds until another one takes its place."""
        self._owner = owner
        self._cas = ""
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._refused = False
        self._dialling: asyncio.Task[None] | None = None
        self._beat = self._loop.call_later(self._beat_seconds(), self._ping)

    def on_message(self, incoming: message.Message) -> None:
        """The server's wishes."""
        match incoming:
            case message.Open():
                self._open(incoming)
            case message.Hello():
                self._use(Timing.asked(incoming.ping_s))
                self.replica = incoming.replica
                self._owner.greeted(self, incoming)
                self._owner.shown(incoming.hub_keys)
                self.send(self._owner.report())
            case message.Rotate() | message.Rotated():
                self._owner.key_news(incoming)
            case message.Hub():
                self._told(incoming)
            case message.Want(n=more):
                self._owner.wanted(more)
            case message.Drain():
                self.draining = True
                self.drain_at = self._loop.time()
                self._owner.changed()
            case _:
                pass

    def on_early_data(self, stream: Stream | None, data: wire.Data) -> None:
        """Held while the target is dialled; dropped after a refusal that crossed it."""
        if stream is None:
            if not self._refused:
                self.close(wire.PROTOCOL_ERROR, "data without a stream")
            return
        self._held.append(bytes(data))
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES:
            self.connection.pause("held")

    def on_pong(self, payload: bytes) -> None:
        """The round trip."""
        if len(payload) == _TIME.size:
            self.rtt = self._loop.time() - _TIME.unpack(payload)[0]

    def on_idle(self) -> None:
        """Nothing is left of the stream."""
        self._forget()
        self._owner.changed()

    def on_lost(self, _stream: Stream | None) -> None:
        """Nothing is left at all."""
        self._forget()
        self._beat.cancel()
        self._owner.gone(self)

    def _told(self, piece: message.Hub) -> None:
        self._cas += piece.ca_pem
        if len(self._cas) > CA_CHARACTERS:
            self.close(wire.PROTOCOL_ERROR, "more CAs than anybody has")
        elif not piece.more:
            told, self._cas = Places(piece.urls, self._cas), ""
            self._owner.told(told)

    def _open(self, asked: message.Open) -> None:
        if self.stream is not None:
            self.close(wire.PROTOCOL_ERROR, "two streams at once")
            return
        target = self._owner.targets.get(asked.target)
        if target is None:
            self._refuse(asked.id, "unknown_target", f"there is no target {asked.target!r} here")
            return
        self._refused = False
        self.stream = Stream(asked.id)
        self._dialling = self._loop.create_task(self._dial(self.stream, asked, target))
        self._owner.changed()

    async def _dial(self, stream: Stream, asked: message.Open, target: Address) -> None:
        seconds = min(DIAL_SECONDS, max(0.1, asked.deadline_ms / 1000))
        try:
            connection = await connect(Origin(target.host, target.port), seconds)
        except CallFailed as failure:
            self._dialling = None
            self._refuse(asked.id, "unreachable", f"{asked.target}: {failure}")
            self._finish(cut=False)
            return
        self._dialling = None
        if self.stream is not stream or stream.resetting:
            connection.cut()
            return
        self.streams_served += 1
        self.send(message.Opened(asked.id))
        self.attach(connection)
        held, self._held = self._held, []
        self._held_bytes = 0
        self.connection.resume("held")
        for data in held:
            if self.stream is stream:
                self._data(data)

    def _refuse(self, number: int, code: str, words: str) -> None:
        self._refused = True
        self.send(message.Refused(number, code, words[:500]))

    def _forget(self) -> None:
        if self._dialling is not None:
            self._dialling.cancel()
            self._dialling = None
        self._held, self._held_bytes = [], 0
        self.connection.resume("held")

    def _use(self, timing: Timing) -> None:
        """From now on; what was planned by the old figures is planned anew."""
        if timing == self.timing:
            return
        self.timing = timing
        for planned in (self._beat, self._watch):
            planned.cancel()
        self._beat = self._loop.call_later(self._beat_seconds(), self._ping)
        self._check()

    def _beat_seconds(self) -> float:
        spread = self._owner.spread(1 - _PING_SPREAD, 1 + _PING_SPREAD)
        return self.timing.ping * spread

    def _ping(self) -> None:
        self.ping(_TIME.pack(self._loop.time()))
        self._beat = self._loop.call_later(self._beat_seconds(), self._ping)
