import threading

from redis import Redis

from controllers.store.failures import (
    FREE_FOR_ACCOUNT,
    FREE_FOR_SOURCE,
    LONGEST_WAIT_SECONDS,
    SignInFailures,
)


def test_five_failures_of_an_account_are_free_and_the_sixth_waits(redis: Redis) -> None:
    failures = SignInFailures(redis)
    waits = [failures.attempt("mia", f"10.0.0.{n}") for n in range(FREE_FOR_ACCOUNT)]
    assert waits == [0] * FREE_FOR_ACCOUNT
    assert failures.attempt("mia", "10.0.0.99") == 1
    assert failures.attempt("leo", "10.0.0.1") == 0


def test_each_further_failure_doubles_the_wait_up_to_a_minute(redis: Redis) -> None:
    failures, waits = SignInFailures(redis), []
    failures.attempt("mia", "10.0.0.1")
    for count in range(FREE_FOR_ACCOUNT, FREE_FOR_ACCOUNT + 9):
        for key in redis.scan_iter():
            redis.hset(key, "count", count)
        # Only the account's key is over its limit: each attempt comes from a new source.
        waits.append(failures.attempt("mia", f"10.0.1.{count}"))
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_WAIT_SECONDS, 60, 60]


def test_attempts_at_once_are_each_counted(redis: Redis) -> None:
    failures, waits = SignInFailures(redis), []
    threads = [
        threading.Thread(target=lambda n=n: waits.append(failures.attempt("mia", f"10.0.0.{n}")))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert waits.count(0) == FREE_FOR_ACCOUNT


def test_a_success_frees_the_account_and_takes_one_from_the_source(redis: Redis) -> None:
    failures = SignInFailures(redis)
    for n in range(FREE_FOR_SOURCE):
        assert failures.attempt(f"user-{n}", "10.0.0.1") == 0
    assert failures.attempt("user-x", "10.0.0.1") == 1
    failures.succeeded("user-0", "10.0.0.1")
    assert failures.attempt("user-x", "10.0.0.1") == 0
    assert failures.attempt("user-x", "10.0.0.1") >= 1


def test_every_count_is_forgotten_in_time(redis: Redis) -> None:
    SignInFailures(redis).attempt("mia", "10.0.0.1")
    assert all(0 < redis.ttl(key) <= 300 for key in redis.scan_iter())


def test_ten_thousand_random_names_do_not_make_it_forget_one(redis: Redis) -> None:
    failures = SignInFailures(redis)
    for _ in range(FREE_FOR_ACCOUNT):
        failures.attempt("mia", "10.0.0.1")
    [account, _] = sorted(redis.scan_iter())
    for n in range(10_000):
        failures.attempt(f"user-{n}", f"source-{n}")
    assert redis.hget(account, "count") == b"5"
