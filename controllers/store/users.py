"""Local accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import msgspec
from redis import Redis

from controllers.domain.errors import NotFound
from controllers.store import keys
from controllers.store.documents import Documents


@dataclass(frozen=True)
class User:
    """An account. Times are epoch seconds.

    ``id`` is new for each account, so that one made again under an old name inherits nothing.
    """

    id: str
    name: str
    password_hash: str | None
    """Argon2id in its standard text form; None: nobody can sign in with a password."""
    groups: tuple[str, ...]
    admin: bool
    created_at: float
    sessions_from: float
    """Sessions begun before this time are dead: the password was changed."""


_decoder = msgspec.json.Decoder(User)


class Users:
    """A Redis hash with one field a name."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[User]:
        """Every account, by name."""
        rows = cast(list[bytes], self._redis.hvals(keys.USERS))
        return sorted(map(_decoder.decode, rows), key=lambda user: user.name)

    def find(self, name: str) -> User | None:
        """The account of that name, if there is one."""
        row = cast(bytes | None, self._redis.hget(keys.USERS, name))
        return None if row is None else _decoder.decode(row)

    def get(self, name: str) -> User:
        """The account of that name; NotFound when there is none."""
        user = self.find(name)
        if user is None:
            raise NotFound(f"there is no user {name!r}")
        return user

    def add(self, user: User) -> bool:
        """Create; False, and nothing is changed, when the name is taken."""
        return bool(self._redis.hsetnx(keys.USERS, user.name, msgspec.json.encode(user).decode()))

    def change(self, decide: Callable[[dict[str, User]], dict[str, User]]) -> dict[str, User]:
        """Write what ``decide`` makes of all accounts, by name; see ``Documents.change``."""
        return Documents(self._redis, keys.USERS, User).change(decide)
