"""`neurox cluster status`: the check-list for people and programs, and a status for scripts."""

import json
import time
from collections.abc import Callable
from typing import Any

import neurox_web
import pytest
from neurox_web import Web
from redis import Redis

from controllers.store import keys

Neurox = Callable[..., Any]


def well(web: Web, redis: Redis) -> None:
    """The cluster ``east``, which does all it should."""
    made = neurox_web.cluster(web)
    web.stores.samples.put(made.id, [neurox_web.gpu(0)])
    connect(web, redis)


def connect(web: Web, redis: Redis) -> None:
    """A relay-server holds connections of ``east``."""
    cluster_id = web.stores.clusters.by_name("east").id
    redis.hset(keys.relay_identity(cluster_id), "joined_at", repr(time.time()))
    row = json.dumps({"idle": 4, "streams": 0, "at": int(time.time())})
    redis.hset(keys.relay_presence(cluster_id), "relay-0", row)


def test_all_done_ends_with_zero(web: Web, server: str, neurox: Neurox, redis: Redis) -> None:
    well(web, redis)
    done = neurox("cluster", "status", "east")
    assert done.code == 0, done.out
    assert done.out.startswith("east: 7 of 7 done, ")
    assert "GPUs found: 16" in done.out
    assert "$" not in done.out


def test_a_clock_that_is_wrong_is_told(web: Web, server: str, neurox: Neurox, redis: Redis) -> None:
    well(web, redis)
    cluster_id = web.stores.clusters.by_name("east").id
    for skew, words in ((7200, "its clock is 2.0 h ahead"), (-61.5, "its clock is 1 min behind")):
        redis.hset(keys.relay_identity(cluster_id), "skew", repr(skew))
        assert words in neurox("cluster", "status", "east").out.splitlines()[0]
    found = json.loads(neurox("cluster", "status", "east", "-o", "json").out)
    assert found["clock_skew_seconds"] == -61.5


def test_not_all_done_ends_with_one_and_says_what_to_run_once(
    web: Web, server: str, neurox: Neurox
) -> None:
    web.post("/clusters", {"name": "east"})
    done = neurox("cluster", "status", "east")
    assert done.code == 1
    assert "east: 0 of 7 done, nothing heard yet" in done.out
    assert "Nothing heard for 0 s." in done.out
    assert done.out.count("$ kubectl -n neurox-system") == 1


def test_programs_get_json(web: Web, server: str, neurox: Neurox, redis: Redis) -> None:
    well(web, redis)
    found = json.loads(neurox("cluster", "status", "east", "-o", "json").out)
    assert found["state"] == "ok"
    assert [item["key"] for item in found["items"]][3] == "tunnel"


def test_watching_tells_each_change_until_all_is_done(
    web: Web, server: str, neurox: Neurox, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.post("/clusters", {"name": "east"})
    asked = 0

    def later(_seconds: float) -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            connect(web, redis)
        if asked == 3:
            web.delete("/clusters/east")
            well(web, redis)

    monkeypatch.setattr("portal.cli.cluster_status.sleep", later)
    done = neurox("cluster", "status", "east", "--watch", "-o", "json")
    assert done.code == 0, done.err
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [sum(item["state"] == "ok" for item in each["items"]) for each in told] == [0, 4, 7]
    assert asked == 3


def test_hostile_words_cannot_act_on_the_terminal(
    web: Web, server: str, neurox: Neurox, redis: Redis
) -> None:
    web.post("/clusters", {"name": "east"})
    cluster_id = web.stores.clusters.by_name("east").id
    connect(web, redis)
    web.stores.states.failed(cluster_id, "\x1b[2J\u202e" + "<" * 64)
    done = neurox("cluster", "status", "east")
    assert "<" * 64 in done.out
    assert "\x1b" not in done.out
    assert "\u202e" not in done.out


def test_what_is_not_there_or_not_known_is_refused(web: Web, server: str, neurox: Neurox) -> None:
    assert neurox("cluster", "status", "west").code == 3
    assert neurox("cluster", "status", "west", "-o", "xml").code == 2
