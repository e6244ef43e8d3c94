"""The one way to reach Redis: every call has a time-out."""

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0


def connect(url: str) -> Redis:
    """A client of the Redis or Valkey at ``url``; it connects on first use.

    A lost connection is tried twice more within half a second, so that a restarted server is not
    an error, and then raises ``redis.exceptions.ConnectionError`` or ``TimeoutError``.
    """
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=0.25, base=0.05), 2),
    )
