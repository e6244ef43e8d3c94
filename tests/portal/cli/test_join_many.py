"""Many clusters by one file: whatever happens on the way, running it again ends it."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import neurox_web
import pytest
import yaml
from neurox_web import Web

from controllers.relay import join
from controllers.store import keys
from portal.client.resources import Clusters

Neurox = Callable[..., Any]
FILE = "- name: east\n  labels: {region: eu}\n- name: west\n  expires: 2d\n- name: north\n"


@pytest.fixture
def many(tmp_path: Path, server: str, neurox: Neurox) -> Callable[..., Any]:
    """Runs the command on a file of three clusters."""
    (tmp_path / "c.yaml").write_text(FILE)

    def run(*words: str) -> Any:
        return neurox("cluster", "join", "-f", str(tmp_path / "c.yaml"), *words)

    return run


def tokens(web: Web) -> dict[str, str]:
    """The id of the token by which each cluster may join."""
    found = {}
    for cluster in web.stores.clusters.all():
        waiting = join.waiting(web.stores.redis, cluster.id)
        found[cluster.name] = waiting.id if waiting else ""
    return found


def test_the_secrets_come_as_documents_that_name_their_clusters(
    web: Web, many: Callable[..., Any]
) -> None:
    done = many()
    assert done.code == 0, done.err
    secrets = list(yaml.safe_load_all(done.out))
    shown = [secret["metadata"]["annotations"]["neurox.io/cluster"] for secret in secrets]
    assert shown == ["east", "west", "north"]
    waiting = tokens(web)
    for secret, name in zip(secrets, shown, strict=True):
        assert f"nxj_{waiting[name]}_" in secret["stringData"]["kubeconfig"]
    assert "nxj_" not in done.err
    assert web.get("/clusters/east").json["labels"] == {"region": "eu"}  # type: ignore[index]


def test_a_record_takes_the_labels_of_the_file_whatever_becomes_of_its_token(
    web: Web, neurox: Neurox, many: Callable[..., Any], tmp_path: Path
) -> None:
    neurox("cluster", "join", "east", "--label", "region=us")
    news = "the label region=eu instead of region=us"
    assert f"east: would get a new token for the record; would get {news}" in many("--dry-run").err
    done = many("--output-dir", str(tmp_path / "joins"))
    assert f"east: got a new token for the record; got {news}, " in done.err
    assert "west: made, " in done.err
    (tmp_path / "c.yaml").write_text("- name: east\n  labels: {region: us, team: a}\n- name: up\n")
    neurox_web.cluster(web, "up")
    waits = many("--output-dir", str(tmp_path / "joins")).err
    assert "east: has a Secret that waits to be used; got the label region=us" in waits
    assert "up: is connected; left as it is" in waits
    (tmp_path / "c.yaml").write_text("- name: up\n  description: cellar\n")
    assert "up: is connected; got the description 'cellar'\n" in many().err
    assert web.stores.clusters.by_name("east").labels == {"region": "us", "team": "a"}


def test_each_cluster_gets_a_file_that_its_owner_alone_can_read(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "joins"
    before = os.umask(0)
    try:
        done = many("--output-dir", str(folder))
    finally:
        os.umask(before)
    assert (done.code, done.out) == (0, "")
    assert sorted(file.name for file in folder.iterdir()) == [
        "east.yaml",
        "north.yaml",
        "west.yaml",
    ]
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_run_again_it_changes_nothing_that_still_waits(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "joins"
    many("--output-dir", str(folder))
    texts, waiting = {file: file.read_text() for file in folder.iterdir()}, tokens(web)
    again = many("--output-dir", str(folder))
    assert again.code == 0
    assert again.err.count("has a Secret that waits to be used") == 3
    assert {file: file.read_text() for file in folder.iterdir()} == texts
    assert tokens(web) == waiting


def test_a_token_that_is_spent_or_lost_is_replaced(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "joins"
    many("--output-dir", str(folder))
    before = tokens(web)
    (folder / "east.yaml").unlink()
    west = web.stores.clusters.by_name("west")
    newer = join.issue(web.stores.redis, west.id, 60)
    assert many("--output-dir", str(folder)).code == 0
    after = tokens(web)
    assert after["north"] == before["north"]
    assert len({before["east"], after["east"], before["west"], newer.id, after["west"]}) == 5
    for name in after:
        assert f"nxj_{after[name]}_" in (folder / f"{name}.yaml").read_text()


def test_a_connected_cluster_is_left_as_it_is(web: Web, many: Callable[..., Any]) -> None:
    neurox_web.cluster(web, "west")
    done = many("-o", "json")
    assert done.code == 0
    outcomes = {item["name"]: item["outcome"] for item in json.loads(done.out)["items"]}
    assert outcomes == {
        "east": "made",
        "west": "is connected; left as it is",
        "north": "made",
    }
    assert tokens(web)["west"] == ""


def test_a_lost_cluster_gets_a_token_only_by_the_word_that_it_was_rebuilt(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    east = neurox_web.cluster(web, "east")
    meta = web.stores.states.meta(east.id)
    assert meta is not None
    aged = msgspec.json.encode(replace(meta, received_at=meta.received_at - 3600))
    web.stores.redis.set(keys.cluster_meta(east.id), aged)
    done = many()
    assert done.code == 0
    assert "east: is lost; got the label region=eu; `neurox cluster join east` gives" in done.err
    assert "east: is lost; left as it is; `neurox" in many().err
    assert tokens(web)["east"] == ""
    (tmp_path / "c.yaml").write_text("- name: east\n  rebuilt: true\n")
    assert "east: got a new token" in many().err
    assert tokens(web)["east"] != ""


def test_a_cluster_that_was_revoked_is_not_let_in_again_by_the_file_alone(
    web: Web, many: Callable[..., Any]
) -> None:
    east = neurox_web.cluster(web, "east")
    join.revoke(web.stores.redis, east.id)
    many()
    assert "east: is revoked; left as it is; `neurox cluster join east`" in many().err
    assert tokens(web)["east"] == ""


def test_what_failed_is_told_with_its_line_and_the_rest_is_made(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "joins"
    folder.mkdir()
    (folder / "west.yaml").write_text("not: ours\n")
    web.post("/clusters", {"name": "west"})
    done = many("--output-dir", str(folder))
    assert done.code == 7
    assert "c.yaml:3, entry 2 (west): " in done.err
    assert "is no join Secret; move it away" in done.err
    assert "1 of 3 failed" in done.err
    assert (folder / "west.yaml").read_text() == "not: ours\n"
    assert (folder / "east.yaml").exists()
    assert (folder / "north.yaml").exists()


def test_a_dry_run_makes_nothing(web: Web, many: Callable[..., Any], tmp_path: Path) -> None:
    web.post("/clusters", {"name": "west"})
    before = tokens(web)
    done = many("--dry-run", "--output-dir", str(tmp_path / "joins"))
    assert (done.code, done.out) == (0, "")
    assert "east: would be made" in done.err
    assert "west: would get a new token for the record" in done.err
    assert tokens(web) == before
    assert not (tmp_path / "joins").exists()


def test_programs_find_the_secret_where_no_file_has_it(
    web: Web, many: Callable[..., Any], tmp_path: Path
) -> None:
    items = json.loads(many("-o", "json").out)["items"]
    assert all("kind: Secret" in item["join"]["secret"] for item in items)
    done = many("-o", "json", "--output-dir", str(tmp_path / "joins"))
    assert "nxj_" not in done.out
    found = json.loads(done.out)["items"]
    assert [item["file"] for item in found] == [
        str(tmp_path / "joins" / f"{name}.yaml") for name in ("east", "west", "north")
    ]


def test_ctrl_c_finishes_what_was_begun_and_the_next_run_the_rest(
    web: Web, many: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, create = tmp_path / "joins", Clusters.create

    def interrupted(self: Any, asked: Any, **more: Any) -> Any:
        made = create(self, asked, **more)
        if asked.name == "west":
            os.kill(os.getpid(), signal.SIGINT)
        return made

    monkeypatch.setattr(Clusters, "create", interrupted)
    done = many("--output-dir", str(folder))
    assert done.code == 130
    assert "1 of 3 were not begun" in done.err
    waiting = tokens(web)
    assert f"nxj_{waiting['west']}_" in (folder / "west.yaml").read_text()
    assert many("--output-dir", str(folder)).code == 0
    assert {name: tokens(web)[name] for name in waiting} == waiting
    assert sorted(tokens(web)) == ["east", "north", "west"]


def test_it_stops_where_nobody_would_be_let_in(
    web: Web, many: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEUROX_TOKEN", "nxu_wrong")
    done = many()
    assert done.code == 4
    assert "2 of 3 were not begun" in done.err
    assert web.stores.clusters.all() == []
