"""One key for all processes."""

from redis import Redis

from controllers.store.shared_key import BYTES, SharedKey


def test_every_process_has_the_same_key_and_every_store_its_own(redis: Redis) -> None:
    key = SharedKey(redis).value()
    assert len(key) == BYTES
    assert SharedKey(redis).value() == key
    redis.flushall()
    assert SharedKey(redis).value() != key
