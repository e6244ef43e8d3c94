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
    assert JoinTokens(redis).issued_at(EAST.id) is None
    join.issue(redis, EAST.id, 60)
    assert JoinTokens(redis).issued_at(EAST.id) == pytest.approx(time.time(), abs=30)
