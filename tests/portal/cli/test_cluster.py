import json
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import msgspec
import neurox_web
import pytest
import typer
from neurox_web import Web
from redis import Redis

from controllers.relay import join
from controllers.store import keys
from controllers.store.links import Turn

Neurox = Callable[..., Any]


def test_removing_needs_a_yes(web: Web, server: str, neurox: Neurox) -> None:
    neurox_web.cluster(web, "east")
    assert neurox("cluster", "remove", "east").code == 2
    rehearsed = neurox("cluster", "remove", "east", "--dry-run")
    assert (rehearsed.code, rehearsed.out) == (0, "east would be removed; its history stays\n")
    assert [cluster.name for cluster in web.stores.clusters.all()] == ["east"]
    assert neurox("cluster", "remove", "west", "--dry-run").code == 3
    assert neurox("cluster", "remove", "east", "--yes").code == 0
    assert web.stores.clusters.all() == []
    assert neurox("cluster", "remove", "east", "--yes").code == 3
    assert "neurox cluster join" in neurox("cluster", "list").err


def test_a_removed_cluster_is_listed_with_its_id_and_its_history_is_kept(
    web: Web, redis: Redis, server: str, neurox: Neurox
) -> None:
    made = neurox_web.cluster(web, "east")
    turn = Turn(time.time() - 60, True, "relay-0")
    redis.lpush(keys.relay_history(made.id), msgspec.json.encode(turn))
    neurox("cluster", "rotate", "east", "--yes")
    neurox("cluster", "remove", "east", "--yes")
    listed = neurox("cluster", "list", "--removed")
    assert (listed.code, made.id in listed.out, "removed" in listed.out) == (0, True, True)
    shown = neurox("cluster", "history", made.id)
    assert shown.code == 0, shown.err
    assert [line.split("   ")[1].strip() for line in shown.out.splitlines()[1:]] == [
        "remove",
        "connected",
    ]
    items = json.loads(neurox("cluster", "history", made.id, "-o", "json").out)["items"]
    assert [(each["what"], each["by"]) for each in items] == [
        ("remove", "admin"),
        ("connected", "relay-0"),
    ]
    assert neurox("cluster", "history", "east").code == 3


def test_who_is_no_admin_sees_the_connection_alone(
    web: Web, redis: Redis, server: str, neurox: Neurox, monkeypatch: Any
) -> None:
    made = neurox_web.cluster(web, "east")
    web.stores.audit.note("admin", "rotate", made)
    web.person("mia")
    monkeypatch.setenv("NEUROX_TOKEN", web.tokens["mia"])
    done = neurox("cluster", "history", "east")
    assert (done.code, done.out) == (0, "")
    assert "has not connected yet" in done.err
    redis.lpush(keys.relay_history(made.id), msgspec.json.encode(Turn(1.0, True, "relay-0")))
    done = neurox("cluster", "history", "east")
    assert "relay-0" in done.out
    assert "rotate" not in done.out
    assert neurox("cluster", "token", "east").code == 4


def test_an_unused_token_is_shown_and_withdrawn(web: Web, server: str, neurox: Neurox) -> None:
    assert neurox("cluster", "token", "east").code == 3
    secret = neurox("cluster", "join", "east", "-o", "yaml").out
    shown = neurox("cluster", "token", "east")
    assert shown.code == 0
    token_id = shown.out.partition(":")[0]
    assert f"{token_id}_" in secret
    assert "issued by admin at 2" in shown.out
    assert json.loads(neurox("cluster", "token", "east", "-o", "json").out)["issued_by"] == "admin"
    assert neurox("cluster", "withdraw", "east").code == 2
    assert "would be" in neurox("cluster", "withdraw", "east", "--dry-run").out
    assert neurox("cluster", "withdraw", "east", "--yes").code == 0
    assert neurox("cluster", "withdraw", "east", "--yes").code == 3
    assert neurox("cluster", "token", "east").code == 3


def test_who_says_no_or_breaks_off_removes_nothing(
    web: Web, server: str, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    neurox_web.cluster(web, "east")
    monkeypatch.setattr(sys, "stdin", Mock(isatty=lambda: True))
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: False)
    done = neurox("cluster", "remove", "east")
    assert (done.code, done.err) == (1, "neurox: nothing was done\n")
    monkeypatch.setattr(typer, "confirm", Mock(side_effect=typer.Abort))
    assert neurox("cluster", "remove", "east").code == 130
    assert [cluster.name for cluster in web.stores.clusters.all()] == ["east"]


def test_the_unused_tokens_of_all_clusters_are_listed(
    web: Web, server: str, neurox: Neurox, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = neurox("cluster", "tokens")
    assert (none.code, none.out) == (0, "")
    assert "No join token waits" in none.err
    neurox("cluster", "join", "east", "--expires", "2h")
    neurox("cluster", "join", "west")
    stack = web.post("/clusters", {"name": "stack"}).json["cluster"]["id"]  # type: ignore[index]
    join.accept(web.stores.redis, stack, "0123456789abcdef", "0" * 64)
    head, *rows = neurox("cluster", "tokens").out.splitlines()
    assert head.split() == ["CLUSTER", "TOKEN", "ISSUED", "BY", "AGE", "GOOD", "UNTIL"]
    assert [row.split()[0] for row in rows] == ["west", "east", "stack"]
    assert rows[2].endswith("an installation   -     its first use")
    assert neurox("cluster", "tokens", "-o", "name").out == "west\neast\nstack\n"
    listed = json.loads(neurox("cluster", "tokens", "-o", "json").out)["items"]
    assert [each["issued_by"] for each in listed] == ["admin", "admin", None]
    assert neurox("cluster", "tokens", "-o", "xml").code == 2
    web.person("mia")
    monkeypatch.setenv("NEUROX_TOKEN", web.tokens["mia"])
    assert neurox("cluster", "tokens").code == 4
