"""The one way to reach Redis: every call has a time-out."""

from typing import Any

from redis import Redis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from controllers.store.sentinels import sentinels

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
_TIMES: dict[str, Any] = {
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": ANSWER_SECONDS,
}


def connect(url: str) -> Redis:
    """A client of the Redis or Valkey at ``url``; it connects on first use.

    A lost connection is tried twice more within half a second, so that a restarted server is not
    an error, and then raises ``redis.exceptions.ConnectionError`` or ``TimeoutError``.
    """
    options: dict[str, Any] = {
        **_TIMES,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=0.25, base=0.05), 2),
    }
    known = sentinels(url)
    if known is None:
        return Redis.from_url(url, **options)
    # One that does not answer is passed over; the client's own tries come on top.
    own = {**_TIMES, "retry": Retry(NoBackoff(), 0), **known.own}
    asked = Sentinel(known.hosts, sentinel_kwargs=own)
    found: Redis = asked.master_for(known.service, **{**known.redis, **options})
    return found


class _WaitingPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to whom the Sentinels name, of which none is opened beyond the limit."""


def connect_async(url: str, connections: int) -> AsyncRedis:
    """The same for asyncio, with at most so many connections; who wants one more waits."""
    options: dict[str, Any] = {
        **_TIMES,
        "max_connections": connections,
        "timeout": ANSWER_SECONDS,  # for a free one
        "retry": AsyncRetry(NoBackoff(), 1),
    }
    known = sentinels(url)
    if known is None:
        pool: BlockingConnectionPool = BlockingConnectionPool.from_url(url, **options)
        return AsyncRedis.from_pool(pool)
    own = {**_TIMES, "retry": AsyncRetry(NoBackoff(), 0), **known.own}
    asked = AsyncSentinel(known.hosts, sentinel_kwargs=own)
    kept = _WaitingPool(known.service, asked, **{**known.redis, **options})  # type: ignore[no-untyped-call]
    return AsyncRedis.from_pool(kept)
