"""``python -m portal.auth.bootstrap``: make sure that someone can sign in.

Prints one JSON line: ``admin``, ``password`` (only when the account was made just now) and
``token`` (a new admin API token named ``local``; the former one stops working).
"""

import json
import os
import secrets
import sys
import time
import uuid

from redis import Redis
from redis.exceptions import RedisError

from controllers.store.connection import connect
from controllers.store.tokens import ApiTokens
from controllers.store.users import User, Users
from portal.auth.passwords import hash_password

ADMIN = "admin"
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


def new_password() -> str:
    """20 letters in four groups: 99 bits that can be read out."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def ensure_admin(redis: Redis) -> dict[str, str | None]:
    """The admin's account, made when absent, with a fresh token."""
    users = Users(redis)
    password = None
    user = users.find(ADMIN)
    if user is None:
        password = new_password()
        now = time.time()
        made = User(str(uuid.uuid4()), ADMIN, hash_password(password), (), True, now, now)
        if not users.add(made):
            password = None
        user = users.get(ADMIN)
    token, _ = ApiTokens(redis).issue(user, "local")
    return {"admin": user.name, "password": password, "token": token}


def main() -> int:
    """Run; 2 when the setting is missing, 1 when Redis does not answer."""
    url = os.environ.get("NEUROX_REDIS_URL")
    if not url:
        sys.stderr.write("NEUROX_REDIS_URL is not set; it takes a URL beginning with redis://\n")
        return 2
    try:
        made = ensure_admin(connect(url))
    except RedisError as failure:
        sys.stderr.write(f"Redis at NEUROX_REDIS_URL does not answer: {failure}\n")
        return 1
    sys.stdout.write(json.dumps(made) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
