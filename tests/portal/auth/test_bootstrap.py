import json
import os
import subprocess
import sys

from redis import Redis

from controllers.store.tokens import ApiTokens
from portal.auth.bootstrap import ensure_admin


def run(url: str | None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "NEUROX_REDIS_URL"}
    return subprocess.run(
        [sys.executable, "-m", "portal.auth.bootstrap"],
        env=env | ({"NEUROX_REDIS_URL": url} if url else {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_password_is_given_once_and_the_token_each_time(redis: Redis, redis_url: str) -> None:
    first = json.loads(run(redis_url).stdout)
    again = json.loads(run(redis_url).stdout)
    assert first["admin"] == "admin"
    assert len(first["password"]) == 23
    assert again["password"] is None
    assert ApiTokens(redis).find(first["token"]) is None
    found = ApiTokens(redis).find(again["token"])
    assert found is not None
    assert (found.name, found.user) == ("local", "admin")


def test_neither_password_nor_token_is_stored_in_the_clear(redis: Redis) -> None:
    made = ensure_admin(redis)
    dumped = b"".join(redis.dump(key) + key for key in redis.scan_iter())
    assert str(made["password"]).encode() not in dumped
    assert str(made["token"]).encode() not in dumped


def test_a_missing_setting_and_a_dead_store_end_with_one_line() -> None:
    for url, status, words in ((None, 2, "not set"), ("redis://127.0.0.1:1/0", 1, "not answer")):
        done = run(url)
        assert done.returncode == status
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
