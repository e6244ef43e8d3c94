"""What a repeated request stands for."""

import hashlib
from typing import cast

from redis import Redis

from controllers.store import keys

KEPT_SECONDS = 24 * 3600


class Idempotency:
    """One Redis key a user's Idempotency-Key: the id of what the first request made."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def claim(self, user: str, key: str, new_id: str) -> str:
        """``new_id`` for the first caller, and that same id for every later one of a day."""
        digest = hashlib.sha256(f"{user}\0{key}".encode()).hexdigest()
        name = keys.idempotency(digest)
        # Two calls: Redis 6.2 does not know NX and GET in one.
        if self._redis.set(name, new_id, nx=True, ex=KEPT_SECONDS):
            return new_id
        former = cast(bytes | None, self._redis.get(name))
        return new_id if former is None else former.decode()
