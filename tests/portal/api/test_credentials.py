"""Keys of clusters: shown to all, replaced and taken back by admins alone, and noted."""

import time
from typing import Any

import pytest
from neurox_web import Web, cluster
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay import join
from controllers.store import keys

PUBLIC = "p" * 43


def joined(web: Web, redis: Redis, **fields: object) -> str:
    """A cluster ``east`` with one key."""
    made = cluster(web)
    row = {"key:k1": PUBLIC, "made:k1": time.time() - 3600, "uid": "u", **fields}
    redis.hset(keys.relay_identity(made.id), mapping=row)  # type: ignore[arg-type]
    return made.id


def shown(web: Web) -> Any:
    return web.get("/clusters/east").json


def test_a_cluster_shows_its_key_and_when_it_changes(web: Web, redis: Redis) -> None:
    now = time.time()
    joined(
        web,
        redis,
        **{"rotates_at": now + 86400, "skew": 61.5, "key:k0": PUBLIC, "until:k0": now + 60},
        rotation='{"at":1700000000.5,"ok":false,"words":"refused: why"}',
    )
    east = shown(web)
    found = east["credential"]
    assert (found["state"], found["key_id"], found["former_key_id"]) == ("good", "k1", "k0")
    assert found["age_seconds"] == pytest.approx(3600, abs=30)
    assert found["rotates_at"] > found["former_until"] > found["created_at"]
    assert found["last_rotation"] == {
        "at": "2023-11-14T22:13:20.500000Z",
        "ok": False,
        "words": "refused: why",
    }
    assert east["clock_skew_seconds"] == 61.5


def test_a_cluster_that_never_joined_has_no_key_and_nothing_to_rotate(web: Web) -> None:
    cluster(web)
    east = shown(web)
    assert east["credential"]["state"] == "none"
    assert east["clock_skew_seconds"] is None
    answer = web.call("POST", "/clusters/east/rotate")
    assert answer.status_code == 409
    assert "has no key to replace" in answer.text


def test_an_admin_asks_for_a_new_key(web: Web, redis: Redis) -> None:
    joined(web, redis)
    assert web.call("POST", "/clusters/east/rotate?dry_run=true").status_code == 200
    assert shown(web)["credential"]["rotation_asked_at"] is None
    answer: Any = web.call("POST", "/clusters/east/rotate")
    assert answer.status_code == 200
    assert answer.json["credential"]["rotation_asked_at"] is not None


def test_an_admin_takes_the_key_back_and_the_record_stays(web: Web, redis: Redis) -> None:
    cluster_id = joined(web, redis)
    token = join.issue(redis, cluster_id, 60)
    assert web.call("POST", "/clusters/east/revoke?dry_run=true").status_code == 200
    assert shown(web)["credential"]["state"] == "good"
    answer: Any = web.call("POST", "/clusters/east/revoke")
    assert answer.status_code == 200
    found = answer.json["credential"]
    assert (found["state"], found["key_id"]) == ("revoked", None)
    assert found["revoked_at"] is not None
    assert join.waiting(redis, cluster_id) is None, token.id
    assert shown(web)["nodes"] == 2


@pytest.mark.parametrize("what", ["rotate", "revoke"])
def test_nobody_but_an_admin_may_and_an_unknown_cluster_is_told(
    web: Web, redis: Redis, what: str
) -> None:
    cluster_id = joined(web, redis)
    before = redis.hgetall(keys.relay_identity(cluster_id))
    web.person("mia")
    assert web.call("POST", f"/clusters/east/{what}", "mia").status_code == 403
    assert redis.hgetall(keys.relay_identity(cluster_id)) == before
    assert web.call("POST", f"/clusters/west/{what}").status_code == 404


def test_what_was_done_to_access_is_in_the_audit(web: Web, redis: Redis) -> None:
    web.post("/clusters", {"name": "west"})
    joined(web, redis)
    web.call("POST", "/clusters/east/rotate?dry_run=true")
    for what in ("rotate", "revoke", "join"):
        web.call("POST", f"/clusters/east/{what}")
    web.delete("/clusters/east")
    entries: Any = web.get("/audit?cluster=east").json
    assert [(each["action"], each["user"]) for each in entries["items"]] == [
        ("remove", "admin"),
        ("issue a join token", "admin"),
        ("revoke", "admin"),
        ("rotate", "admin"),
    ]
    assert web.get("/audit").json["total"] == 5  # type: ignore[index]
    again: Any = web.post("/clusters", {"name": "east"}).json
    of_it: Any = web.get(f"/audit?cluster_id={again['cluster']['id']}").json
    assert [each["action"] for each in of_it["items"]] == ["add"]
    web.person("mia")
    assert web.get("/audit", "mia").status_code == 403


def test_the_audit_keeps_so_many_entries_and_no_more(
    web: Web, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controllers.store.audit.MOST", 3)
    for number in range(5):
        web.stores.audit.note("admin", "rotate", Cluster(f"id{number}", f"c{number}", 0.0))
    assert [(entry.id, entry.cluster) for entry in web.stores.audit.all()] == [
        (5, "c4"),
        (4, "c3"),
        (3, "c2"),
    ]


def test_lost_and_revoked_clusters_are_listed_apart(web: Web, redis: Redis) -> None:
    joined(web, redis)
    web.call("POST", "/clusters/east/revoke")

    def listed(state: str) -> list[str]:
        found: Any = web.get(f"/clusters?state={state}").json
        return [each["state"] for each in found["items"]]

    assert listed("revoked") == ["revoked"]
    assert listed("lost") == listed("connected") == []
    assert listed("lost,revoked") == ["revoked"]
