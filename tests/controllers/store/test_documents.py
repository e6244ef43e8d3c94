import threading

import pytest
from redis import Redis

from controllers.domain.errors import NotFound, Refused
from controllers.domain.policy import NodePool, Quota
from controllers.store import keys
from controllers.store.documents import Documents


def pools(redis: Redis) -> Documents[NodePool]:
    return Documents(redis, keys.POOLS, NodePool)


def test_what_is_put_is_got_and_listed_by_name(redis: Redis) -> None:
    for name in ("b", "a"):
        pools(redis).put(name, NodePool(name, {"model": name}))
    assert pools(redis).get("a") == NodePool("a", {"model": "a"})
    assert list(pools(redis).all()) == ["a", "b"]


def test_what_is_absent_is_not_found_by_its_noun(redis: Redis) -> None:
    for step in (pools(redis).get, pools(redis).remove):
        with pytest.raises(NotFound, match="there is no pool 'x'"):
            step("x")


def test_a_refused_change_writes_nothing(redis: Redis) -> None:
    pools(redis).put("a", NodePool("a"))

    def refuse(_: dict[str, NodePool]) -> dict[str, NodePool]:
        raise Refused("name", "no")

    with pytest.raises(Refused):
        pools(redis).change(refuse)
    assert list(pools(redis).all()) == ["a"]


def test_changes_at_once_never_pass_a_limit_that_each_alone_keeps(redis: Redis) -> None:
    quotas = Documents(redis, keys.QUOTAS, Quota)

    def take(group: str) -> None:
        def decide(all_of: dict[str, Quota]) -> dict[str, Quota]:
            if sum(quota.gpus for quota in all_of.values()) + 4 > 8:
                raise Refused("gpus", "full")
            return all_of | {group: Quota("a", group, 4)}

        try:
            quotas.change(decide)
        except Refused:
            refused.append(group)

    refused: list[str] = []
    threads = [threading.Thread(target=take, args=(f"g{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(quotas.all()) == 2
    assert len(refused) == 6


def test_a_change_can_remove(redis: Redis) -> None:
    for name in ("a", "b"):
        pools(redis).put(name, NodePool(name))
    pools(redis).change(lambda before: {"a": before["a"]})
    assert list(pools(redis).all()) == ["a"]
