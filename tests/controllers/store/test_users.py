import pytest
from redis import Redis

from controllers.domain.errors import NotFound
from controllers.store.users import User, Users


def person(name: str, account: str = "1") -> User:
    return User(account, name, None, ("vision",), False, 1.0, 1.0)


def test_an_account_is_found_by_name_and_listed_in_order(redis: Redis) -> None:
    for name in ("mia", "leo"):
        assert Users(redis).add(person(name))
    assert Users(redis).get("mia") == Users(redis).find("mia") == person("mia")
    assert [user.name for user in Users(redis).all()] == ["leo", "mia"]


def test_adding_never_overwrites(redis: Redis) -> None:
    assert Users(redis).add(person("mia", "1"))
    assert not Users(redis).add(person("mia", "2"))
    assert Users(redis).get("mia").id == "1"


def test_an_absent_account_is_not_found(redis: Redis) -> None:
    assert Users(redis).find("mia") is None
    with pytest.raises(NotFound, match="there is no user 'mia'"):
        Users(redis).get("mia")
