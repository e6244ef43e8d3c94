"""A random key that all API processes share."""

import secrets
from typing import cast

from redis import Redis

from controllers.store import keys

BYTES = 32


class SharedKey:
    """Made by the first process that needs it; what was signed with it is short-lived."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def value(self) -> bytes:
        """The key, the same for every caller."""
        self._redis.set(keys.SHARED_KEY, secrets.token_bytes(BYTES), nx=True)
        return cast(bytes, self._redis.get(keys.SHARED_KEY))
