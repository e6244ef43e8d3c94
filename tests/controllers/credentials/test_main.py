import os
import subprocess
import sys

import pytest

from controllers.credentials.__main__ import SettingsError, asked


def test_secrets_are_asked_for_by_kind_and_name() -> None:
    env = {"NEUROX_CREDENTIALS": " redis=a-redis  admin=a-admin\n"}
    assert asked(env) == [("redis", "a-redis"), ("admin", "a-admin")]
    assert asked({}) == []


@pytest.mark.parametrize("word", ["radis=x", "redis", "redis="])
def test_a_word_that_says_nothing_is_named(word: str) -> None:
    with pytest.raises(
        SettingsError, match=f"{word!r}.*redis, relay, admin, authority, invitation"
    ):
        asked({"NEUROX_CREDENTIALS": word})


def test_outside_a_pod_it_says_what_it_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "controllers.credentials"],
        env={**os.environ, "NEUROX_CREDENTIALS": "redis=a"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no access to the API server" in done.stderr
    assert len(done.stderr.splitlines()) == 1
