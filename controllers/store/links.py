"""What relay-servers have noted of each cluster's link, for people to read."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import msgspec
from redis import Redis

from controllers.store import keys

PRESENCE_SECONDS = 30
"""What a replica said longer ago than this is not so any more."""
HISTORY_MOST = 100


@dataclass(frozen=True)
class Contact:
    """The last of each kind; times are epoch seconds, ``None`` is never."""

    heard_at: float | None = None
    admitted_at: float | None = None
    refused_at: float | None = None
    refused_status: int | None = None
    refused: str = ""
    """Why, in words."""
    version: str | None = None
    """Of the relay-client."""
    rtt: float | None = None
    """Seconds of a round trip over the link."""
    written_at: float | None = None
    write_status: int | None = None
    """How the last metrics were answered, and when."""
    taken_at: float | None = None
    """When metrics were last taken."""
    bytes_in: int = 0
    bytes_out: int = 0
    write_bytes: int = 0


@dataclass(frozen=True)
class Reach:
    """The open connections that one replica has of a cluster."""

    idle: int
    streams: int
    at: float
    replica: str = ""


@dataclass(frozen=True)
class Turn:
    """A replica's first connection of a cluster came, or its last one went."""

    at: float
    connected: bool
    replica: str
    reason: str = ""


@dataclass(frozen=True)
class Link:
    """All that is known of one cluster's link."""

    contact: Contact
    reaches: tuple[Reach, ...]
    history: tuple[Turn, ...]
    """Newest first."""
    joined_at: float | None
    """When it redeemed a token; None when it never did, or its access was taken back."""
    invited_at: float | None
    expires_at: float | None
    """When the last join token was made, None for one made elsewhere; when it ends, None when it
    was withdrawn or is forgotten."""

    @property
    def connected(self) -> bool:
        """Some replica holds a connection of it."""
        return bool(self.reaches)

    @property
    def connections(self) -> int:
        """How many it has, at all replicas."""
        return sum(reach.idle + reach.streams for reach in self.reaches)

    @property
    def connected_since(self) -> float | None:
        """Since when the longest of the replicas that hold it has done so; None when none does."""
        if not self.connected:
            return None
        came: dict[str, float] = {}
        for turn in self.history:
            if turn.connected:
                came.setdefault(turn.replica, turn.at)
        known = [came[reach.replica] for reach in self.reaches if reach.replica in came]
        return min(known, default=self.contact.admitted_at)

    @property
    def lost_at(self) -> float | None:
        """When its last connection went; None while it has one, or never had."""
        if self.connected or not self.history:
            return None
        newest = self.history[0]
        # A relay-server that was killed has not said that its connections are gone.
        return self.contact.heard_at if newest.connected else newest.at

    @property
    def lost_why(self) -> str:
        """Why, as far as that is known."""
        if self.lost_at is None:
            return ""
        newest = self.history[0]
        if newest.connected:
            return f"relay-server {newest.replica} ended without a word"
        return newest.reason


class Links:
    """The relay's notes, read; the relay-servers write them."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock

    def of(self, cluster_id: str) -> Link:
        """What is known of the cluster's link; empty when it was never heard of."""
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.hgetall(keys.relay_contact(cluster_id))
            pipe.hgetall(keys.relay_presence(cluster_id))
            pipe.lrange(keys.relay_history(cluster_id), 0, HISTORY_MOST - 1)
            pipe.hmget(keys.relay_identity(cluster_id), "joined_at", "token", "token_at")
            contact, presence, history, (joined, token, made) = pipe.execute()
        ends = self._redis.hget(keys.relay_join(token.decode()), "expires_at") if token else None
        return Link(
            contact=_contact(contact),
            reaches=tuple(self._reaches(presence)),
            history=tuple(msgspec.json.decode(row, type=Turn) for row in history),
            joined_at=_number(joined),
            invited_at=_number(made),
            expires_at=_number(cast(bytes | None, ends)),
        )

    def versions(self, cluster_ids: Iterable[str]) -> list[str | None]:
        """The version of each cluster's relay-client, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for cluster_id in cluster_ids:
                pipe.hget(keys.relay_contact(cluster_id), "version")
            return [None if row is None else row.decode() for row in pipe.execute()]

    def retire(self, cluster_id: str) -> None:
        """Keep the notes of a cluster that was removed, for as long as it is remembered."""
        for key in (keys.relay_contact(cluster_id), keys.relay_history(cluster_id)):
            self._redis.persist(key)

    def forget(self, cluster_id: str) -> None:
        """Drop all notes of the cluster."""
        self._redis.delete(keys.relay_contact(cluster_id), keys.relay_history(cluster_id))

    def _reaches(self, presence: Mapping[bytes, bytes]) -> Iterable[Reach]:
        for replica, row in sorted(presence.items()):
            reach = msgspec.json.decode(row, type=Reach)
            if self._clock() - reach.at <= PRESENCE_SECONDS:
                yield replace(reach, replica=replica.decode())


def _contact(row: Mapping[bytes, bytes]) -> Contact:
    """The hash's fields are the class's, as text."""
    fields = {name.decode(): value.decode() for name, value in row.items()}
    return msgspec.convert(fields, Contact, strict=False)


def _number(value: bytes | None) -> float | None:
    return None if value is None else float(value)
