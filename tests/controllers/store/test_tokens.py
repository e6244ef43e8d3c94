import pytest
from redis import Redis

from controllers.store import keys
from controllers.store.secret import digest
from controllers.store.tokens import ApiTokens
from controllers.store.users import User

MIA = User("id-1", "mia", None, ("vision",), False, 0.0, 0.0)


def test_a_token_is_known_by_its_secret_and_says_what_it_is(redis: Redis) -> None:
    secret, token = ApiTokens(redis).issue(MIA, "laptop")
    assert secret.startswith("nxu_")
    assert ApiTokens(redis).find(secret) == token
    assert ApiTokens(redis).find(secret[:-1]) is None


def test_a_second_token_of_a_name_replaces_the_first(redis: Redis) -> None:
    first, _ = ApiTokens(redis).issue(MIA, "laptop")
    other, _ = ApiTokens(redis).issue(MIA, "build")
    second, _ = ApiTokens(redis).issue(MIA, "laptop")
    assert ApiTokens(redis).find(first) is None
    assert ApiTokens(redis).find(second)
    assert ApiTokens(redis).find(other)


def test_a_token_with_an_end_ends(redis: Redis) -> None:
    secret, token = ApiTokens(redis).issue(MIA, "day", ttl_seconds=60)
    assert token.expires_at == pytest.approx(token.created_at + 60)
    assert 55_000 < redis.pttl(keys.api_token(digest(secret))) <= 60_000
    assert redis.pttl(keys.api_token(digest(ApiTokens(redis).issue(MIA, "ever")[0]))) == -1


def test_all_tokens_of_one_account_can_be_revoked(redis: Redis) -> None:
    leo = User("id-2", "leo", None, (), False, 0.0, 0.0)
    mine = [ApiTokens(redis).issue(MIA, name)[0] for name in ("a", "b")]
    his, _ = ApiTokens(redis).issue(leo, "a")
    ApiTokens(redis).revoke_all(MIA)
    assert [ApiTokens(redis).find(secret) for secret in mine] == [None, None]
    assert ApiTokens(redis).find(his)


def test_of_two_that_are_issued_at_once_under_one_name_one_is_left(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, others = ApiTokens(redis), []

    def meanwhile(secret: str) -> str:
        monkeypatch.undo()
        others.append(tokens.issue(MIA, "laptop")[0])
        return digest(secret)

    monkeypatch.setattr("controllers.store.tokens.digest", meanwhile)
    secret, token = tokens.issue(MIA, "laptop")
    assert tokens.find(secret) == token
    assert [tokens.find(other) for other in others] == [None]


def test_one_that_is_issued_while_all_are_revoked_is_revoked_too(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, made = ApiTokens(redis), []
    tokens.issue(MIA, "a")
    name = keys.api_token

    def meanwhile(digested: str) -> str:
        monkeypatch.undo()
        made.append(tokens.issue(MIA, "b")[0])
        return name(digested)

    monkeypatch.setattr(keys, "api_token", meanwhile)
    tokens.revoke_all(MIA)
    assert [tokens.find(secret) for secret in made] == [None]
