"""``neurox cluster rotate`` and ``revoke``."""

import json
from collections.abc import Callable
from typing import Any

import neurox_web
import pytest
from neurox_web import Web
from redis import Redis

from controllers.relay import credential
from controllers.store import keys
from portal.client.resources import Clusters

Neurox = Callable[..., Any]


@pytest.fixture
def fleet(web: Web, redis: Redis, server: str) -> Callable[[str], credential.Credential]:
    """East and west have keys, north never joined; calls tell what Redis knows of one."""
    ids = {name: neurox_web.cluster(web, name).id for name in ("east", "west", "north")}
    for name in ("east", "west"):
        redis.hset(keys.relay_identity(ids[name]), "key:k1", "p" * 43)
    return lambda name: credential.read(redis, [ids[name]])[0]


def test_named_clusters_are_asked_for_new_keys(fleet: Any, neurox: Neurox) -> None:
    done = neurox("cluster", "rotate", "east", "--yes")
    assert (done.code, done.out) == (0, "east is asked for a new key\n")
    assert fleet("east").asked_at is not None
    assert fleet("west").asked_at is None


def test_all_that_have_keys_are_asked(fleet: Any, neurox: Neurox) -> None:
    done = neurox("cluster", "rotate", "--all", "--yes", "-o", "json")
    assert done.code == 0
    assert [each["name"] for each in json.loads(done.out)["items"]] == ["east", "west"]
    assert fleet("east").asked_at is not None
    assert fleet("west").asked_at is not None


def test_one_that_cannot_be_asked_does_not_keep_the_others_from_it(
    fleet: Any, neurox: Neurox
) -> None:
    done = neurox("cluster", "rotate", "north", "nowhere", "east", "--yes")
    assert (done.code, done.out) == (7, "east is asked for a new key\n")
    assert "'north' has no key" in done.err
    assert "there is no cluster 'nowhere'" in done.err


def test_what_ends_it_midway_tells_what_was_done_and_what_was_not(
    web: Web, fleet: Any, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    rotate = Clusters.rotate

    def signed_out_after(self: Any, name: str, **more: Any) -> Any:
        found = rotate(self, name, **more)
        web.stores.tokens.revoke_all(web.stores.users.get("admin"))
        return found

    monkeypatch.setattr(Clusters, "rotate", signed_out_after)
    done = neurox("cluster", "rotate", "east", "west", "north", "--yes")
    assert (done.code, done.out) == (7, "east is asked for a new key\n")
    assert "check NEUROX_TOKEN" in done.err
    assert "not asked: west, north; run the command again for them" in done.err
    assert fleet("west").asked_at is None


def test_where_no_cluster_has_a_key_all_of_them_is_told_to_be_none(
    web: Web, server: str, neurox: Neurox
) -> None:
    neurox_web.cluster(web, "north")
    done = neurox("cluster", "rotate", "--all", "--yes")
    assert (done.code, done.out) == (0, "")
    assert "No cluster has a key yet" in done.err


def test_where_none_was_asked_the_status_says_why(fleet: Any, neurox: Neurox) -> None:
    assert neurox("cluster", "rotate", "nowhere", "--yes").code == 3
    assert neurox("cluster", "rotate", "north", "--yes").code == 5


def test_a_revoked_cluster_keeps_its_record(fleet: Any, neurox: Neurox) -> None:
    done = neurox("cluster", "revoke", "east", "--yes")
    assert (done.code, done.out) == (0, "east is cut off within ten seconds\n")
    assert fleet("east").revoked_at is not None
    assert "revoked" in neurox("cluster", "list").out
    done = neurox("cluster", "revoke", "west", "--yes", "-o", "json")
    assert json.loads(done.out)["items"][0]["credential"]["state"] == "revoked"


@pytest.mark.parametrize("what", ["rotate", "revoke"])
def test_a_dry_run_asks_nobody_and_does_nothing(fleet: Any, neurox: Neurox, what: str) -> None:
    done = neurox("cluster", what, "east", "--dry-run")
    assert done.code == 0
    assert "would be" in done.out
    assert fleet("east").current is not None
    assert fleet("east").asked_at is None


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("rotate", "east"), "needs --yes"),
        (("revoke", "east"), "needs --yes"),
        (("rotate",), "name the clusters, or say --all"),
        (("rotate", "east", "--all"), "name the clusters, or say --all"),
        (("revoke", "east", "-o", "table"), "the choice is json"),
    ],
)
def test_what_is_not_clear_is_not_done(
    fleet: Any, neurox: Neurox, words: tuple[str, ...], sentence: str
) -> None:
    done = neurox("cluster", *words)
    assert done.code == 2
    assert sentence in done.err
    assert fleet("east").asked_at is None
    assert fleet("east").current is not None
