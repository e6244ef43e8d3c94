"""Withdrawing a join token, against the relay-server's own way of redeeming it."""

import asyncio
import time

import pytest
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.relay.registry import Joining, JoinRefused, Registry
from controllers.store.clusters import Clusters
from controllers.store.join_tokens import JoinTokens

EAST = Cluster("id-1", "east", 0.0)
KEY = PrivateKey.generate()


async def redeemed(url: str, token: str) -> str:
    registry = Registry(url)
    try:
        return await registry.redeem(Joining(token, KEY.public, "uid-1"))
    finally:
        await registry.close()


def test_a_withdrawn_token_lets_nobody_in(redis: Redis, redis_url: str) -> None:
    Clusters(redis).add(EAST)
    token = join.issue(redis, EAST.id, 60).token
    assert JoinTokens(redis).withdraw(EAST.id)
    with pytest.raises(JoinRefused, match="taken back; ask for a new join token"):
        asyncio.run(redeemed(redis_url, token))
    assert not JoinTokens(redis).withdraw(EAST.id)
    assert asyncio.run(redeemed(redis_url, join.issue(redis, EAST.id, 60).token)) == EAST.id


def test_a_used_token_is_not_withdrawn_and_its_key_may_repeat_the_call(
    redis: Redis, redis_url: str
) -> None:
    Clusters(redis).add(EAST)
    token = join.issue(redis, EAST.id, 60).token
    assert asyncio.run(redeemed(redis_url, token)) == EAST.id
    assert not JoinTokens(redis).withdraw(EAST.id)
    assert asyncio.run(redeemed(redis_url, token)) == EAST.id


def test_when_it_was_issued_is_known_of_tokens_that_were_made_here(redis: Redis) -> None:
    join.issue(redis, EAST.id, 60)
    waiting = join.waiting(redis, EAST.id)
    assert waiting is not None
    assert waiting.issued_at == pytest.approx(time.time(), abs=30)
    join.accept(redis, EAST.id, "0123456789abcdef", "0" * 64)
    waiting = join.waiting(redis, EAST.id)
    assert waiting is not None
    assert waiting.issued_at is None


def test_the_tokens_of_several_clusters_are_had_at_once_and_spent_ones_left_out(
    redis: Redis, redis_url: str
) -> None:
    Clusters(redis).add(EAST)
    asyncio.run(redeemed(redis_url, join.issue(redis, EAST.id, 60).token))
    west = join.issue(redis, "west", 60)
    join.issue(redis, "over", -1)
    found = join.all_waiting(redis, [EAST.id, "west", "over", "nobody"])
    assert {cluster: token.id for cluster, token in found.items()} == {"west": west.id}
    assert join.all_waiting(redis, []) == {}
