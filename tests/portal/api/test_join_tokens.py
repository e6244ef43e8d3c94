"""Join tokens that nobody has used: told, listed and withdrawn."""

from typing import Any

from neurox_web import Web
from redis import Redis

from controllers.relay import join


def test_the_token_that_waits_is_told_by_its_id(web: Web, redis: Redis) -> None:
    made = web.post("/clusters", {"name": "east", "expires_seconds": 604800})
    waiting: Any = web.get("/clusters/east/join").json
    assert f"nxj_{waiting['id']}_" in made.json["secret"]  # type: ignore[index]
    assert waiting["expires_at"] == made.json["expires_at"]  # type: ignore[index]
    assert waiting["issued_by"] == "admin"
    assert waiting["issued_at"] < waiting["expires_at"]
    web.post("/clusters/east/join", {"rebuilt": True})
    newer: Any = web.get("/clusters/east/join").json
    assert newer["id"] != waiting["id"]
    assert newer["rebuilt"]
    redis.hset(f"neurox:relay:join:{newer['id']}", "public", "somebody's key")
    assert web.get("/clusters/east/join").status_code == 404
    assert web.get("/clusters/west/join").status_code == 404


def test_who_issued_the_token_is_told_also_where_the_name_was_given_before(web: Web) -> None:
    web.person("zoe")
    assert web.put("/users/zoe", {"admin": True}).status_code == 200
    web.post("/clusters", {"name": "east"})
    web.delete("/clusters/east")
    assert web.call("POST", "/clusters", "zoe", json={"name": "east"}).status_code == 201
    assert web.get("/clusters/east/join").json["issued_by"] == "zoe"  # type: ignore[index]
    web.call("POST", "/clusters/east/join")
    assert web.get("/clusters/east/join").json["issued_by"] == "admin"  # type: ignore[index]


def test_a_token_of_pulumi_was_issued_by_nobody_here(web: Web, redis: Redis) -> None:
    made: Any = web.post("/clusters", {"name": "east"}).json
    join.accept(redis, made["cluster"]["id"], "0123456789abcdef", "0" * 64)
    waiting: Any = web.get("/clusters/east/join").json
    assert waiting["id"] == "0123456789abcdef"
    assert [waiting[f] for f in ("expires_at", "issued_at", "issued_by")] == [None] * 3


def test_every_token_that_waits_is_listed_the_first_to_end_before(web: Web, redis: Redis) -> None:
    for name, seconds in (("east", 7200), ("west", 3600), ("spent", 60), ("stack", 60)):
        web.post("/clusters", {"name": name, "expires_seconds": seconds})
    spent: Any = web.get("/clusters/spent/join").json
    redis.hset(f"neurox:relay:join:{spent['id']}", "public", "somebody's key")
    stack = web.stores.clusters.by_name("stack")
    join.accept(redis, stack.id, "0123456789abcdef", "0" * 64)
    found: Any = web.get("/join-tokens").json
    assert [each["cluster"] for each in found["items"]] == ["west", "east", "stack"]
    assert found["items"][0] == web.get("/clusters/west/join").json
    one: Any = web.get("/join-tokens?cluster=east,nope").json
    assert [each["issued_by"] for each in one["items"]] == ["admin"]
    web.delete("/clusters/west/join")
    web.delete("/clusters/east")
    left: Any = web.get("/join-tokens").json
    assert (left["total"], left["items"][0]["cluster"]) == (1, "stack")
    assert "secret" not in str(left)


def test_the_tokens_of_all_clusters_are_for_admins(web: Web) -> None:
    web.person("mia")
    assert web.get("/join-tokens", "mia").status_code == 403
    assert web.get("/join-tokens").json == {"items": [], "next_cursor": None, "total": 0}


def test_an_admin_withdraws_a_token_that_nobody_used(web: Web) -> None:
    web.post("/clusters", {"name": "east"})
    assert web.delete("/clusters/east/join?dry_run=true").status_code == 204
    assert web.get("/clusters/east/join").status_code == 200
    assert web.delete("/clusters/east/join").status_code == 204
    assert web.get("/clusters/east/join").status_code == 404
    assert web.delete("/clusters/east/join").status_code == 404
    assert web.get("/clusters/east").status_code == 200
    checks: Any = web.get("/clusters/east/checks").json
    token = next(item for item in checks["items"] if item["key"] == "token")
    assert (token["state"], "withdrawn" in token["detail"]) == ("failed", True)
    audit: Any = web.get("/audit?cluster=east").json
    assert [each["action"] for each in audit["items"]] == ["withdraw a join token", "add"]
