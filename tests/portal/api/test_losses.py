"""Why a cluster does not report any more, as the first page tells it."""

import json
import time
from typing import Any

import msgspec
import pytest
from neurox_web import Web, cluster
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay.credential import Credential, Key
from controllers.store import keys
from controllers.store.links import Contact, Link, Reach, Turn
from controllers.store.states import ClusterMeta
from portal.api.fleet import Reported
from portal.api.shapes.checks import Known
from portal.api.shapes.loss import Loss, sentence

NOW = 1_000_000.0
KEY = Key("k1", "p", NOW - 9000, None)
HERE = (Reach(4, 0, NOW, "relay-0"),)
GONE = (Turn(NOW - 720, False, "relay-0", "nothing came for 45 s"),)
TURNED_AWAY = Contact(refused_at=NOW - 60, refused_status=403, refused="It has no access any more.")


def loss(
    *,
    contact: Contact | None = None,
    reaches: tuple[Reach, ...] = (),
    history: tuple[Turn, ...] = (),
    failure: str = "",
    by: str = "",
    **credential: Any,
) -> Loss:
    """A cluster that reported 13 minutes ago for the last time."""
    meta = ClusterMeta("e", 1, NOW - 780, NOW - 780, "v1", "0.2.0")
    keys_of = {"keys": (KEY,)} | credential
    reported = Reported(Cluster("c", "east", NOW - 9000), meta, [], [], [])
    link = Link(contact or Contact(), reaches, history, NOW - 9000, NOW - 9100, None)
    return Loss(Known(NOW, reported, link, Credential(**keys_of), failure), by)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (loss(history=GONE), "Cluster east was lost 12 min ago: nothing came for 45 s."),
        (
            loss(history=GONE, contact=TURNED_AWAY),
            "Cluster east was lost 12 min ago: It has no access any more.",
        ),
        (
            loss(reaches=HERE, failure="the manager answered 503"),
            "Cluster east is connected and has not reported for 13 min: the manager answered 503.",
        ),
        (loss(reaches=HERE), "Cluster east is connected and has not reported for 13 min."),
        (loss(), "Cluster east has not reported for 13 min."),
        (
            loss(revoked_at=NOW - 7200, keys=(), by="ada"),
            "The access of cluster east was revoked 2.0 h ago by ada.",
        ),
        (
            loss(revoked_at=NOW - 7200, keys=()),
            "The access of cluster east was revoked 2.0 h ago.",
        ),
        (
            loss(revoked_at=NOW - 7200, history=GONE),
            "Cluster east was lost 12 min ago: nothing came for 45 s.",
        ),
    ],
)
def test_a_loss_is_told_with_since_when_and_why(found: Loss, words: str) -> None:
    assert sentence(found) == words


def told(web: Web, path: str = "/overview", user: str = "admin") -> list[tuple[str, str]]:
    """What the first page says of clusters."""
    shown: Any = web.get(path, user).json
    return [(each["severity"], each["message"]) for each in shown["attention"]]


def lost(web: Web, redis: Redis, name: str) -> str:
    """A cluster whose report and link are minutes old; its id."""
    made = cluster(web, name)
    meta = json.loads(redis.get(keys.cluster_meta(made.id)))  # type: ignore[arg-type]
    meta["received_at"] = time.time() - 700
    redis.set(keys.cluster_meta(made.id), json.dumps(meta))
    turn = Turn(time.time() - 600, False, "relay-0", f"why {name}")
    redis.lpush(keys.relay_history(made.id), msgspec.json.encode(turn))
    return made.id


def test_the_first_page_tells_lost_clusters_before_revoked_ones(web: Web, redis: Redis) -> None:
    for name in ("east", "west"):
        lost(web, redis, name)
    web.call("POST", "/clusters/east/revoke")
    west = ("bad", "Cluster west was lost 10 min ago: why west.")
    found = told(web)
    assert found[0] == west
    assert found[1][0] == "warn"
    assert found[1][1].startswith("The access of cluster east was revoked")
    assert found[1][1].endswith("ago by admin.")
    assert told(web, "/overview?cluster=west") == [west]


def test_the_tile_of_clusters_is_amber_for_a_revoked_one_and_red_for_a_lost_one(
    web: Web, redis: Redis
) -> None:
    def tile() -> tuple[Any, Any]:
        shown: Any = web.get("/overview").json
        return next((t["value"], t["tone"]) for t in shown["tiles"] if t["key"] == "clusters")

    cluster(web, "east")
    assert tile() == (1, "good")
    web.call("POST", "/clusters/east/revoke")
    assert tile() == (0, "warn")
    lost(web, redis, "west")
    assert tile() == (0, "bad")


def test_who_revoked_is_told_to_admins_alone(web: Web) -> None:
    cluster(web)
    web.call("POST", "/clusters/east/revoke")
    web.person("mia")
    ((_, said),) = told(web, user="mia")
    assert said.startswith("The access of cluster east was revoked")
    assert "admin" not in said


def test_no_more_lost_clusters_are_looked_at_than_are_told(web: Web, redis: Redis) -> None:
    for number in range(10):
        lost(web, redis, f"c{number}")
    found = told(web)
    assert [said for _, said in found] == [
        f"Cluster c{number} was lost 10 min ago: why c{number}." for number in range(8)
    ]
