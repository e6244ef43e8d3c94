import time

import msgspec
import pytest
from redis import Redis

from controllers.store import keys
from controllers.store.secret import digest
from controllers.store.sessions import ABSOLUTE_SECONDS, IDLE_SECONDS, Session, Sessions


def test_a_session_is_known_by_its_secret_alone(redis: Redis) -> None:
    value = Sessions(redis).start("mia", "id-1", time.time())
    found = Sessions(redis).use(value)
    assert found is not None
    assert (found.user, found.user_id) == ("mia", "id-1")
    assert Sessions(redis).use(value + "x") is None
    assert list(redis.scan_iter()) == [keys.session(digest(value)).encode()]


def test_two_sessions_never_share_a_secret(redis: Redis) -> None:
    values = {Sessions(redis).start("mia", "1", time.time()) for _ in range(50)}
    assert len(values) == 50
    assert all(len(value) == 43 for value in values)


def test_an_unused_session_is_over_after_half_an_hour(redis: Redis) -> None:
    value = Sessions(redis).start("mia", "1", time.time())
    left = redis.pttl(keys.session(digest(value))) / 1000
    assert IDLE_SECONDS - 5 < left <= IDLE_SECONDS


def aged(redis: Redis, started: float, used: float) -> str:
    """A session that began and was used so many seconds ago."""
    value, now = Sessions(redis).start("mia", "1", time.time()), time.time()
    row = msgspec.json.encode(Session("mia", "1", now - started, now - used))
    redis.set(keys.session(digest(value)), row, px=5_000)
    return value


def test_use_keeps_it_alive(redis: Redis) -> None:
    value = aged(redis, 3600, 120)
    assert Sessions(redis).use(value)
    assert redis.pttl(keys.session(digest(value))) > (IDLE_SECONDS - 5) * 1000


def test_use_within_a_minute_costs_no_write(redis: Redis) -> None:
    value = aged(redis, 3600, 10)
    assert Sessions(redis).use(value)
    assert redis.pttl(keys.session(digest(value))) <= 5_000


def test_no_use_keeps_it_alive_beyond_twelve_hours(redis: Redis) -> None:
    value = aged(redis, ABSOLUTE_SECONDS - 100, 120)
    assert Sessions(redis).use(value)
    assert redis.pttl(keys.session(digest(value))) <= 100_000
    assert Sessions(redis).use(aged(redis, ABSOLUTE_SECONDS + 1, 120)) is None


@pytest.mark.parametrize("used", [0.0, 120.0])
def test_an_ended_session_does_not_come_back(redis: Redis, used: float) -> None:
    value = aged(redis, 3600, used)
    Sessions(redis).end(value)
    assert Sessions(redis).use(value) is None
    assert not list(redis.scan_iter())


def test_a_use_that_overlaps_the_end_does_not_write_it_back(redis: Redis) -> None:
    value, now = Sessions(redis).start("mia", "1", time.time()), time.time()
    Sessions(redis).end(value)
    Sessions(redis)._write(value, Session("mia", "1", now - 100, now), now)
    assert Sessions(redis).use(value) is None
