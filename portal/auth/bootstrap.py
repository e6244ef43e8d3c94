"""``python -m portal.auth.bootstrap``: make sure that someone can sign in.

Prints one JSON line: ``admin``, ``password`` (only when the account was made just now) and
``token`` (a new admin API token named ``local``; the former one stops working).
"""

import json
import os
import sys
import time
import uuid

from redis import Redis
from redis.exceptions import RedisError

from controllers.store.connection import connect
from controllers.store.secret import new_password
from controllers.store.tokens import ApiTokens
from controllers.store.users import User, Users
from portal.auth.passwords import hash_password

ADMIN = "admin"


def add_admin(users: Users, password: str) -> bool:
    """Make the admin's account with that password; False when there is one already."""
    if users.find(ADMIN) is not None:
        return False
    now = time.time()
    return users.add(User(str(uuid.uuid4()), ADMIN, hash_password(password), (), True, now, now))


def ensure_admin(redis: Redis) -> dict[str, str | None]:
    """The admin's account, made when absent, with a fresh token."""
    users, password = Users(redis), new_password()
    made = add_admin(users, password)
    user = users.get(ADMIN)
    token, _ = ApiTokens(redis).issue(user, "local")
    return {"admin": user.name, "password": password if made else None, "token": token}


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
