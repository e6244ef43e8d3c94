"""Personal API tokens: what tools sign in with."""

import time
import uuid
from dataclasses import dataclass
from typing import cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from controllers.store import keys
from controllers.store.secret import digest, new_secret
from controllers.store.users import User

PREFIX = "nxu_"
"""Lets people and scanners see what a leaked string is."""


@dataclass(frozen=True)
class ApiToken:
    """A token without its secret. Times are epoch seconds."""

    id: str
    name: str
    user: str
    user_id: str
    created_at: float
    expires_at: float | None = None


_decoder = msgspec.json.Decoder(ApiToken)


class ApiTokens:
    """One Redis key a token, named by the SHA-256 of it, and a hash a user: name to SHA-256."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def issue(
        self, user: User, name: str, ttl_seconds: float | None = None
    ) -> tuple[str, ApiToken]:
        """A new token and its record; one of the same user and name stops working."""
        now = time.time()
        secret = PREFIX + new_secret()
        expires_at = None if ttl_seconds is None else now + ttl_seconds
        token = ApiToken(str(uuid.uuid4()), name, user.name, user.id, now, expires_at)
        index = keys.user_tokens(user.id)

        def write(pipeline: Pipeline) -> None:
            former = cast(bytes | None, pipeline.hget(index, name))
            pipeline.multi()
            if former:
                pipeline.delete(keys.api_token(former.decode()))
            pipeline.set(
                keys.api_token(digest(secret)),
                msgspec.json.encode(token),
                pxat=None if expires_at is None else int(expires_at * 1000),
            )
            pipeline.hset(index, name, digest(secret))

        # Two at once must not leave one that works and stands in no index.
        self._redis.transaction(write, index)
        return secret, token

    def find(self, secret: str) -> ApiToken | None:
        """The record of a token, unless it is unknown or expired."""
        row = cast(bytes | None, self._redis.get(keys.api_token(digest(secret))))
        return None if row is None else _decoder.decode(row)

    def revoke_all(self, user: User) -> None:
        """Every token of the user stops working."""
        index = keys.user_tokens(user.id)

        def write(pipeline: Pipeline) -> None:
            digests = cast(list[bytes], pipeline.hvals(index))
            pipeline.multi()
            pipeline.delete(index, *(keys.api_token(each.decode()) for each in digests))

        self._redis.transaction(write, index)
