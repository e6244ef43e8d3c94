import hashlib
import logging
import time
from pathlib import Path

import pytest
from redis import Redis

from controllers.control.invitations import Invitations
from controllers.relay.identity import PrivateKey
from controllers.relay.registry import Joining, JoinRefused, Registry
from controllers.store.clusters import Clusters

ID, SECRET = "0123456789abcdef", "s" * 43
TEXT = f"{ID}:{hashlib.sha256(SECRET.encode()).hexdigest()}\n"


def invited(redis: Redis, folder: Path) -> list[str]:
    Invitations(redis, Clusters(redis), folder).step()
    return [cluster.name for cluster in Clusters(redis).all()]


async def redeem(redis_url: str, key: PrivateKey) -> str:
    registry = Registry(redis_url)
    try:
        return await registry.redeem(Joining(f"nxj_{ID}_{SECRET}", key.public, "uid-1"))
    finally:
        await registry.close()


def test_an_invited_cluster_joins_once_and_with_one_key_only(
    redis: Redis, redis_url: str, tmp_path: Path
) -> None:
    import asyncio

    (tmp_path / "east").write_text(TEXT)
    assert invited(redis, tmp_path) == ["east"]
    key = PrivateKey.generate()
    joined = asyncio.run(redeem(redis_url, key))
    assert joined == Clusters(redis).by_name("east").id
    assert asyncio.run(redeem(redis_url, key)) == joined
    with pytest.raises(JoinRefused, match="used already"):
        asyncio.run(redeem(redis_url, PrivateKey.generate()))


def test_an_invitation_is_good_for_years(redis: Redis, tmp_path: Path) -> None:
    (tmp_path / "east").write_text(TEXT)
    invited(redis, tmp_path)
    (token,) = redis.scan_iter("*join*")
    assert redis.ttl(token) == -1
    assert float(redis.hget(token, "expires_at")) > time.time() + 10 * 366 * 86400  # type: ignore[arg-type]


def test_a_removed_cluster_is_not_invited_again(redis: Redis, tmp_path: Path) -> None:
    (tmp_path / "east").write_text(TEXT)
    invited(redis, tmp_path)
    Clusters(redis).remove(Clusters(redis).by_name("east").id)
    assert invited(redis, tmp_path) == []


def test_a_bad_invitation_is_named_once_and_keeps_no_other_away(
    redis: Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "East").write_text(TEXT)
    (tmp_path / "north").write_text("secret")
    (tmp_path / "west").write_text(TEXT.replace("0", "1", 1))
    (tmp_path / "..data").mkdir()
    loop = Invitations(redis, Clusters(redis), tmp_path)
    with caplog.at_level(logging.ERROR):
        loop.step()
        loop.step()
    assert [cluster.name for cluster in Clusters(redis).all()] == ["west"]
    assert [("East" in line, "north" in line) for line in caplog.messages] == [
        (True, False),
        (False, True),
    ]
    assert "secret" not in caplog.text


def test_without_a_folder_nobody_is_invited(redis: Redis) -> None:
    Invitations(redis, Clusters(redis), None).step()
    assert Clusters(redis).all() == []
