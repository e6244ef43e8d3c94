"""One control-manager acts; others stand by until its lease in Redis runs out."""

import secrets
import time
from collections.abc import Callable

from redis import Redis

from controllers.store import keys

LEASE_SECONDS = 10.0
RENEW_SECONDS = 3.0
MARGIN_SECONDS = 2.0
"""A leader that could not renew stops acting this long before another may begin."""

RENEW = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""
RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""


class Leader:
    """This process's claim to lead; ``held`` is by its own clock, so a cut from Redis ends it."""

    def __init__(self, redis: Redis, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._monotonic = monotonic
        self._token = secrets.token_hex(16)
        self._renew = redis.register_script(RENEW)
        self._release = redis.register_script(RELEASE)
        self._until = 0.0

    @property
    def held(self) -> bool:
        """Whether this process may act now."""
        return self._monotonic() < self._until

    def acquire(self) -> bool:
        """Try to become the leader."""
        asked = self._monotonic()
        won = self._redis.set(keys.LEADER, self._token, nx=True, px=int(LEASE_SECONDS * 1000))
        return self._extend(asked, bool(won))

    def renew(self) -> bool:
        """Prolong the lease; False once another has it."""
        asked = self._monotonic()
        args: list[str | int] = [self._token, int(LEASE_SECONDS * 1000)]
        return self._extend(asked, bool(self._renew(keys=[keys.LEADER], args=args)))

    def release(self) -> None:
        """Let another lead at once."""
        self._until = 0.0
        self._release(keys=[keys.LEADER], args=[self._token])

    def _extend(self, asked: float, won: bool) -> bool:
        # Counted from before the call: the lease in Redis can only end later than this.
        self._until = asked + LEASE_SECONDS - MARGIN_SECONDS if won else 0.0
        return won
