import json
from pathlib import Path

import pytest

from portal.cli.context import chosen
from portal.cli.failure import CommandFailed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "contexts.json"
    local = {"server": "http://127.0.0.1:8080", "token": "one"}
    work = {"server": "https://neurox.example", "token": "two"}
    path.write_text(json.dumps({"current": "local", "contexts": {"local": local, "work": work}}))
    return path


def test_the_current_context_is_used(file: Path) -> None:
    context = chosen(file, {})
    assert (context.server, context.token) == ("http://127.0.0.1:8080", "one")


def test_a_name_wins_over_the_environment_and_that_over_the_current(file: Path) -> None:
    env = {"NEUROX_CONTEXT": "work"}
    assert chosen(file, env).token == "two"
    assert chosen(file, env, "local").token == "one"
    env = {"NEUROX_SERVER": "http://other", "NEUROX_TOKEN": "three"}
    assert (chosen(file, env).server, chosen(file, env).token) == ("http://other", "three")
    assert chosen(file, {"NEUROX_TOKEN": "three"}).token == "three"


def test_a_context_made_by_hand_without_token_is_allowed(file: Path) -> None:
    assert chosen(file, {"NEUROX_SERVER": "http://other"}).token is None


def test_no_context_at_all_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="neurox up") as failed:
        chosen(tmp_path / "absent.json", {})
    assert failed.value.exit_code == 2


def test_an_unknown_context_lists_the_known(file: Path) -> None:
    with pytest.raises(CommandFailed, match="known: local, work"):
        chosen(file, {}, "home")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"contexts": 1}', '{"current":"a","contexts":{"a":1}}']
)
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "contexts.json"
    path.write_text(text)
    with pytest.raises(CommandFailed, match=r"contexts\.json"):
        chosen(path, {})


def test_a_server_that_is_no_web_address_is_refused(file: Path) -> None:
    with pytest.raises(CommandFailed, match="must begin with http"):
        chosen(file, {"NEUROX_SERVER": "neurox.example"})
