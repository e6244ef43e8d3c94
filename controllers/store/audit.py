"""Who changed what about access, so that it can be asked later."""

import time
from dataclasses import dataclass
from typing import cast

import msgspec
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.store import keys

MOST = 10_000
"""Entries that are kept; the oldest goes first."""


@dataclass(frozen=True)
class Entry:
    """One deed; ``at`` is epoch seconds, ``id`` counts them."""

    id: int
    at: float
    user: str
    action: str
    cluster: str
    cluster_id: str = ""
    """Tells clusters of one name apart."""


class Audit:
    """A Redis list, newest first."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def note(self, user: str, action: str, cluster: Cluster) -> None:
        """``user`` has done ``action`` to the cluster."""
        number = self._redis.incr(keys.AUDIT_COUNT)
        entry = Entry(number, time.time(), user, action, cluster.name, cluster.id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.lpush(keys.AUDIT, msgspec.json.encode(entry))
            pipe.ltrim(keys.AUDIT, 0, MOST - 1)
            pipe.execute()

    def all(self) -> list[Entry]:
        """Every entry that is kept."""
        rows = cast(list[bytes], self._redis.lrange(keys.AUDIT, 0, -1))
        return [msgspec.json.decode(row, type=Entry) for row in rows]
