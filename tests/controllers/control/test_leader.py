import pytest
from recording import FakeClock
from redis import Redis

from controllers.control.leader import LEASE_SECONDS, Leader
from controllers.store import keys


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_only_one_leads(redis: Redis, clock: FakeClock) -> None:
    first, second = Leader(redis, clock), Leader(redis, clock)
    assert first.acquire()
    assert not second.acquire()
    assert first.held
    assert not second.held
    first.release()
    assert not first.held
    assert second.acquire()


def test_a_lease_runs_out_by_itself_in_redis_and_here(redis: Redis, clock: FakeClock) -> None:
    leader = Leader(redis, clock)
    leader.acquire()
    assert 0 < redis.pttl(keys.LEADER) <= LEASE_SECONDS * 1000
    clock.now += LEASE_SECONDS - 1
    assert not leader.held


def test_renewing_prolongs(redis: Redis, clock: FakeClock) -> None:
    leader = Leader(redis, clock)
    leader.acquire()
    clock.now += 7
    assert leader.renew()
    clock.now += 7
    assert leader.held


def test_a_lease_that_another_has_is_neither_renewed_nor_released(
    redis: Redis, clock: FakeClock
) -> None:
    first, second = Leader(redis, clock), Leader(redis, clock)
    first.acquire()
    redis.delete(keys.LEADER)
    second.acquire()
    assert not first.renew()
    assert not first.held
    first.release()
    assert second.renew()
