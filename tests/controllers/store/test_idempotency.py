import threading

from redis import Redis

from controllers.store.idempotency import Idempotency


def test_the_first_claim_wins_for_good_and_keys_belong_to_a_user(redis: Redis) -> None:
    claims = Idempotency(redis)
    assert claims.claim("mia", "k", "1") == "1"
    assert claims.claim("mia", "k", "2") == "1"
    assert claims.claim("leo", "k", "3") == "3"
    assert all(redis.ttl(key) > 0 for key in redis.scan_iter())


def test_claims_at_once_agree(redis: Redis) -> None:
    got: list[str] = []
    threads = [
        threading.Thread(target=lambda n=n: got.append(Idempotency(redis).claim("m", "k", str(n))))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(got) == 8
    assert len(set(got)) == 1
