import json
from pathlib import Path

import pytest

from infra.local import admin
from infra.local.errors import LocalError

URL = "http://127.0.0.1:8080"


def test_the_context_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "neurox" / "contexts.json"
    assert admin.write_context(path, URL, "nxu_1") == "local"
    assert json.loads(path.read_text()) == {
        "current": "local",
        "contexts": {"local": {"server": URL, "token": "nxu_1"}},
    }
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_context_that_the_user_chose_stays_in_use(tmp_path: Path) -> None:
    path = tmp_path / "contexts.json"
    path.write_text(json.dumps({"current": "work", "contexts": {"work": {"server": "x"}}}))
    assert admin.write_context(path, URL, "nxu_1") == "work"
    assert set(json.loads(path.read_text())["contexts"]) == {"work", "local"}


def test_only_the_context_of_this_fleet_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "contexts.json"
    admin.write_context(path, URL, "nxu_1")
    admin.remove_context(path, "http://127.0.0.1:9999")
    assert "local" in json.loads(path.read_text())["contexts"]
    admin.remove_context(path, URL)
    assert json.loads(path.read_text()) == {"current": None, "contexts": {}}


def test_a_broken_file_of_contexts_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "contexts.json"
    path.write_text("{")
    with pytest.raises(LocalError, match="repair it or remove it"):
        admin.write_context(path, URL, "nxu_1")
    assert path.read_text() == "{"


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "neurox").symlink_to("/proc/sys")  # where nobody, not even root, makes files
    with pytest.raises(LocalError, match=r"contexts\.json cannot be written"):
        admin.write_context(tmp_path / "neurox" / "contexts.json", URL, "nxu_1")
