"""``python -m portal.auth.first_admin``: the init container that makes the first account.

The password comes from a file; an account that exists is left alone, whatever the file says.
"""

import os
import sys
import time
from pathlib import Path

from redis.exceptions import AuthenticationError, RedisError

from controllers.environment import SettingsError
from controllers.store.address import redis_url
from controllers.store.connection import connect
from controllers.store.users import Users
from portal.auth.bootstrap import ADMIN, add_admin

PATIENCE_SECONDS = 120.0
"""How long Redis may take to start beside us."""
VARIABLE = "NEUROX_ADMIN_PASSWORD_FILE"
SHORTEST = 12


def password() -> str:
    """What the file holds. SettingsError."""
    file = os.environ.get(VARIABLE, "")
    try:
        found = Path(file).read_text().strip()
    except (OSError, UnicodeError):
        raise SettingsError(f"{VARIABLE} names {file!r}, which cannot be read") from None
    if len(found) < SHORTEST:
        raise SettingsError(
            f"{VARIABLE} names {file!r}, whose password is under {SHORTEST} letters"
        )
    return found


def ensure(url: str, first: str) -> bool:
    """Whether the account was made just now; waits for Redis. RedisError."""
    users, end = Users(connect(url)), time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return add_admin(users, first)
        except AuthenticationError:
            raise
        except RedisError as failure:
            if time.monotonic() > end:
                raise
            sys.stderr.write(f"waiting for Redis: {failure}\n")
            time.sleep(1)


def main() -> int:
    """0 when somebody can sign in; 1 when Redis refuses, 2 on settings."""
    try:
        made = ensure(redis_url(os.environ), password())
    except SettingsError as error:
        sys.stderr.write(f"first admin: {error}\n")
        return 2
    except RedisError as failure:
        sys.stderr.write(f"first admin: Redis at NEUROX_REDIS_URL does not answer: {failure}\n")
        return 1
    sys.stdout.write(f"the account {ADMIN} {'is made' if made else 'is there'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
