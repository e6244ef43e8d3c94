"""The relay-servers and whom they hold, in Redis: a hint for each other, with an expiry."""

import asyncio
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from controllers.environment import Address
from controllers.relay.event_loop import heeded
from controllers.relay.registry import RegistryDown
from controllers.store import keys
from controllers.store.connection import connect_async
from controllers.store.links import PRESENCE_SECONDS

ANSWER_SECONDS = 1.0
"""A caller waits for this hint; there is another way without it."""
REDIS_CONNECTIONS = 8
"""Its own, which a flood of handshakes does not take away."""


class Replicas:
    """What this replica says of itself, and what the others have said."""

    def __init__(self, redis_url: str, name: str) -> None:
        self.name = name
        self.leaving = False
        """Whether clients should dial others; until it is gone, it can still be asked."""
        self._redis: Redis = connect_async(redis_url, REDIS_CONNECTIONS)

    async def close(self) -> None:
        """Let go of Redis."""
        await self._redis.aclose()

    async def announce(
        self, address: str, clusters: Mapping[str, Mapping[str, int]], gone: Iterable[str]
    ) -> set[str]:
        """Say where we are and how many links each cluster has here; the names of the live."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.set(keys.relay_replica(self.name), address, ex=PRESENCE_SECONDS)
            if self.leaving:
                pipe.srem(keys.RELAY_REPLICAS, self.name)
            else:
                pipe.sadd(keys.RELAY_REPLICAS, self.name)
            for cluster_id, counts in clusters.items():
                key = keys.relay_presence(cluster_id)
                pipe.hset(key, self.name, json.dumps({**counts, "at": int(time.time())}))
                pipe.expire(key, PRESENCE_SECONDS)
            for cluster_id in gone:
                pipe.hdel(keys.relay_presence(cluster_id), self.name)
            await _told(pipe.execute())
        return await self._live()

    async def withdraw(self, clusters: Iterable[str]) -> None:
        """Take back what ``announce`` said."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.delete(keys.relay_replica(self.name))
            pipe.srem(keys.RELAY_REPLICAS, self.name)
            for cluster_id in clusters:
                pipe.hdel(keys.relay_presence(cluster_id), self.name)
            await _told(pipe.execute())

    async def is_live(self, name: str) -> bool:
        """Whether a replica of this name has said so lately."""
        return bool(await _told(self._redis.exists(keys.relay_replica(name))))

    async def holding(self, cluster_id: str) -> list[Address]:
        """Other replicas that have links of the cluster; the one with most idle ones first."""
        rows = await _told(self._redis.hgetall(keys.relay_presence(cluster_id)))
        idle = {
            name.decode(): _idle(row)
            for name, row in cast(dict[bytes, bytes], rows).items()
            if name.decode() != self.name
        }
        names = sorted(idle, key=lambda name: -idle[name])
        if not names:
            return []
        found = await _told(self._redis.mget([keys.relay_replica(name) for name in names]))
        return [address for address in map(_address, found) if address is not None]

    async def _live(self) -> set[str]:
        rows = cast(set[bytes], await _told(self._redis.smembers(keys.RELAY_REPLICAS)))
        names = sorted(row.decode() for row in rows)
        found = await _told(self._redis.mget(map(keys.relay_replica, names))) if names else []
        live = {name for name, address in zip(names, found, strict=True) if address is not None}
        dead = set(names) - live
        if dead:
            await _told(self._redis.srem(keys.RELAY_REPLICAS, *dead))
        return live


async def _told(call: Any) -> Any:
    """What Redis answers; RegistryDown when it does not, soon."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return heeded(await call)
    except (RedisError, OSError, TimeoutError) as failure:
        raise RegistryDown(f"Redis does not answer: {type(failure).__name__}") from failure


def _idle(row: bytes) -> int:
    try:
        return int(json.loads(row)["idle"])
    except (ValueError, KeyError, TypeError):
        return 0


def _address(value: bytes | None) -> Address | None:
    host, _, port = (value or b"").decode().rpartition(":")
    return Address(host.strip("[]"), int(port)) if host and port.isdecimal() else None
