"""Signed-in browsers."""

import time
from dataclasses import dataclass, replace
from typing import cast

import msgspec
from redis import Redis

from controllers.store import keys
from controllers.store.secret import digest, new_secret

IDLE_SECONDS = 30 * 60.0
ABSOLUTE_SECONDS = 12 * 3600.0
TOUCH_SECONDS = 60.0
"""A session's last use is written at most this often: each write waits for the disk."""


@dataclass(frozen=True)
class Session:
    """Who signed in and when. Times are epoch seconds."""

    user: str
    user_id: str
    started_at: float
    used_at: float


_decoder = msgspec.json.Decoder(Session)


class Sessions:
    """One Redis key a session, named by the SHA-256 of what the cookie holds."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def start(self, user: str, user_id: str, now: float) -> str:
        """A new session; returns the value for the cookie, which is stored nowhere.

        ``now`` is when the account was looked up: a password that was changed since ends it.
        """
        value = new_secret()
        self._write(value, Session(user, user_id, now, now), now)
        return value

    def use(self, value: str) -> Session | None:
        """The session of a cookie's value, kept alive by this use; None when it is over."""
        row = cast(bytes | None, self._redis.get(keys.session(digest(value))))
        if row is None:
            return None
        session = _decoder.decode(row)
        now = time.time()
        if now >= session.started_at + ABSOLUTE_SECONDS:
            return None
        if now - session.used_at >= TOUCH_SECONDS:
            self._write(value, replace(session, used_at=now), now)
        return session

    def end(self, value: str) -> None:
        """Over at once, for every process."""
        self._redis.delete(keys.session(digest(value)))

    def _write(self, value: str, session: Session, now: float) -> None:
        left = min(IDLE_SECONDS, session.started_at + ABSOLUTE_SECONDS - now)
        # xx on a touch: a session that was ended meanwhile must not come back.
        self._redis.set(
            keys.session(digest(value)),
            msgspec.json.encode(session),
            px=max(1, int(left * 1000)),
            xx=session.used_at != session.started_at,
        )
