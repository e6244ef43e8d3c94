import os
import subprocess
import sys
from pathlib import Path

from redis import Redis

from controllers.store.users import Users
from portal.auth.passwords import matches


def run(redis_url: str, file: Path) -> subprocess.CompletedProcess[str]:
    given = {"NEUROX_REDIS_URL": redis_url, "NEUROX_ADMIN_PASSWORD_FILE": str(file)}
    return subprocess.run(
        [sys.executable, "-m", "portal.auth.first_admin"],
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_first_account_gets_the_password_and_keeps_it(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    assert run(redis_url, file).stdout == "the account admin is made\n"
    file.write_text("another horse\n")
    assert run(redis_url, file).stdout == "the account admin is there\n"
    stored = Users(redis).get("admin").password_hash
    assert matches(stored, "correct horse")
    assert not matches(stored, "another horse")


def test_a_password_that_is_absent_or_too_short_is_refused(redis_url: str, tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text("horse")
    for file, words in ((tmp_path / "none", "cannot be read"), (short, "under 12 letters")):
        done = run(redis_url, file)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
