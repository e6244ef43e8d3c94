import json
from pathlib import Path

import pytest

from infra.local import state
from infra.local.errors import LocalError
from infra.local.state import State


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    State(tmp_path, {"http": 8080}, {"sandbox-1": {"id": "c1"}}).save()
    found = State.load(tmp_path)
    assert found.ports == {"http": 8080}
    assert found.clusters == {"sandbox-1": {"id": "c1"}}


def test_a_new_folder_is_an_empty_state(tmp_path: Path) -> None:
    assert State.load(tmp_path / "new").ports == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 1}',
        '{"version": 1, "ports": 3}',
        '{"version": 1, "ports": {"http": 99999}, "clusters": {}}',
        '{"version": 1, "ports": {}, "clusters": {"sandbox-1": {"nodes": "many"}}}',
        '{"version": 1, "ports": {}, "clusters": {"sandbox-1": {"gpus": "-5"}}}',
        '{"version": 1, "ports": {}, "clusters": {"sandbox-1": 7}}',
    ],
)
def test_a_broken_state_names_the_way_out(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(LocalError, match=r"neurox down --purge"):
        State.load(tmp_path)


@pytest.mark.parametrize(("version", "age"), [(2, "newer"), (0, "older"), (None, "older")])
def test_a_state_of_another_version_names_who_wrote_it(
    tmp_path: Path, version: int | None, age: str
) -> None:
    text = json.dumps({"version": version, "written_by": "9.9.9", "ports": {}, "clusters": {}})
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(LocalError, match=rf"{age} neurox 9\.9\.9"):
        State.load(tmp_path)


def test_a_full_disk_is_one_sentence() -> None:
    full = Path("/dev/full")
    with pytest.raises(LocalError, match="cannot be written"):
        State(full).save()


def test_a_purge_removes_ours_and_leaves_what_is_not(tmp_path: Path) -> None:
    State(tmp_path).save()
    (tmp_path / "redis").mkdir()
    (tmp_path / "redis" / "data").write_text("x")
    (tmp_path / "thesis.tex").write_text("mine")
    assert state.purge(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_purge_of_a_folder_that_is_not_ours_touches_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    assert not state.purge(tmp_path)
    assert (tmp_path / "logs").is_dir()


@pytest.mark.parametrize("text", ["{", '{"app": "theirs"}'])
def test_a_purge_never_takes_another_programs_state_for_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    (tmp_path / "lib").mkdir()
    (tmp_path / "main.py").touch()
    with pytest.raises(LocalError, match=r"also holds main\.py"):
        state.purge(tmp_path)
    assert (tmp_path / "lib").is_dir()


def test_a_purge_takes_what_a_killed_write_left(tmp_path: Path) -> None:
    State(tmp_path / "fleet").save()
    (tmp_path / "fleet" / ".state.json.123").touch()
    assert state.purge(tmp_path / "fleet")
    assert not (tmp_path / "fleet").exists()


def test_a_purged_folder_of_only_ours_is_gone(tmp_path: Path) -> None:
    State(tmp_path / "fleet").save()
    assert state.purge(tmp_path / "fleet")
    assert not (tmp_path / "fleet").exists()


def test_the_folder_is_the_chosen_one_else_the_environments(tmp_path: Path) -> None:
    env = {"NEUROX_STATE": str(tmp_path / "env")}
    assert state.folder(tmp_path / "flag", env) == tmp_path / "flag"
    assert state.folder(None, env) == tmp_path / "env"
    assert state.folder(None, {}).name == "neurox"
