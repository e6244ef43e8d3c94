"""Many clusters in one process: each with an identity of its own and the pool of a relay-client."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from threading import Thread
from typing import cast

import uvloop
from redis import Redis

from controllers.environment import Address
from controllers.relay import message
from controllers.relay.client.clock import Clock
from controllers.relay.client.dial import Dialler
from controllers.relay.client.keyring import Member
from controllers.relay.client.kubernetes import Kubernetes
from controllers.relay.client.link import ClientLink, Owner
from controllers.relay.client.pool import ClientPool
from controllers.relay.client.whereabouts import Whereabouts
from controllers.relay.identity import PrivateKey, key_id
from controllers.relay.proxy import DIRECT
from controllers.store import keys

LISTENING = " INFO links on "
NOWHERE = Address("127.0.0.1", 9)


@dataclass
class Client:
    """One cluster, and the moments, by the monotonic clock, at which it dialled and got a link."""

    cluster_id: str
    dialled: list[float] = field(default_factory=list)
    linked: list[float] = field(default_factory=list)
    pool: ClientPool | None = None

    def dials_before_first(self, since: float) -> list[float]:
        """When it dialled after ``since`` until it had its first link again."""
        first = min((at for at in self.linked if at > since), default=float("inf"))
        return [at for at in self.dialled if since < at < first]


class _Noting(Dialler):
    """The relay-client's own dialler, with a note of each try and each success."""

    client: Client

    async def dial(self, owner: Owner) -> ClientLink:
        self.client.dialled.append(time.monotonic())
        link = await super().dial(owner)
        self.client.linked.append(time.monotonic())
        return link


class _OneKey:
    """A key that is never rotated."""

    def hears(self, _news: message.Rotate | message.Rotated) -> None:
        """Nothing changes."""

    def refused(self) -> None:
        """There is no other."""

    def report(self) -> message.Report:
        """It has no end."""
        return message.Report(0.0)


class Crowd:
    """Clusters that are known to the hub already, and keep their links."""

    def __init__(self, redis: Redis, server: str, ca_pem: str, size: int) -> None:
        self.clients: list[Client] = []
        self._members: list[Member] = []
        for number in range(size):
            key, cluster_id = PrivateKey.generate(), f"00000000-0000-0000-0000-{number:012d}"
            name = f"key:{key_id(key.public)}"
            redis.hset(keys.relay_identity(cluster_id), mapping={name: key.public, "uid": "u"})
            redis.hset(keys.CLUSTERS, cluster_id, "{}")
            self.clients.append(Client(cluster_id))
            self._members.append(Member(cluster_id, server, ca_pem, key))

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``."""
        tasks = []
        for client, member in zip(self.clients, self._members, strict=True):
            # Nobody runs it, so it asks no API server.
            whereabouts = Whereabouts(cast(Kubernetes, None), member, DIRECT)
            dialler = _Noting(member, Clock(), "crowd", whereabouts)
            dialler.client = client
            client.pool = ClientPool(dialler, {"manager": NOWHERE}, _OneKey())
            tasks.append(asyncio.create_task(client.pool.run()))
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for client in self.clients:
            if client.pool is not None:
                client.pool.close()
        await asyncio.sleep(0.1)

    def links(self) -> list[int]:
        """How many links each has."""
        return [len(client.pool.links) if client.pool else 0 for client in self.clients]

    def linked_within(self, since: float, count: int) -> list[float]:
        """Seconds from ``since`` until each client had ``count`` new links; inf: not yet."""
        found = []
        for client in self.clients:
            after = sorted(at - since for at in client.linked if at > since)
            found.append(after[count - 1] if len(after) >= count else float("inf"))
        return found

    def fastest_pace(self, since: float) -> float:
        """The shortest time between two dials of one client before its first new link."""
        gaps = [
            later - earlier
            for client in self.clients
            for tries in [client.dials_before_first(since)]
            for earlier, later in pairwise(tries)
        ]
        return min(gaps, default=float("inf"))


@contextmanager
def running(crowd: Crowd) -> Iterator[Crowd]:
    """The crowd in a thread with an event loop of its own."""
    loop, stop = uvloop.new_event_loop(), asyncio.Event()
    thread = Thread(target=loop.run_until_complete, args=(crowd.run(stop),))
    thread.start()
    try:
        yield crowd
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


def listening_since(log: str) -> float:
    """When, by the monotonic clock, the relay-server whose log it is began to listen last."""
    line = [line for line in log.splitlines() if LISTENING in line][-1]
    at = datetime.strptime(line.partition(LISTENING)[0], "%Y-%m-%d %H:%M:%S,%f").astimezone()
    return time.monotonic() - (time.time() - at.timestamp())
