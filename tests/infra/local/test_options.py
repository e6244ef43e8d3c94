from pathlib import Path

import pytest

from infra.local.errors import USAGE, LocalError
from infra.local.options import Options, Sandbox, sandboxes
from infra.local.state import State


def test_the_first_fleet_is_the_default_one(tmp_path: Path) -> None:
    assert sandboxes(Options(tmp_path), State(tmp_path)) == [Sandbox("sandbox-1", 4, 8)]


def test_the_next_up_shows_the_same_fleet(tmp_path: Path) -> None:
    state = State(tmp_path)
    asked = sandboxes(Options(tmp_path, clusters=2, nodes=3, gpus=4), state)
    state.save()
    assert sandboxes(Options(tmp_path), State.load(tmp_path)) == asked


def test_fewer_clusters_are_remembered_too_and_more_bring_the_old_ones_back(
    tmp_path: Path,
) -> None:
    state = State(tmp_path)
    sandboxes(Options(tmp_path, clusters=2, nodes=3), state)
    assert len(sandboxes(Options(tmp_path, clusters=1), state)) == 1
    state.save()
    state = State.load(tmp_path)
    assert sandboxes(Options(tmp_path), state) == [Sandbox("sandbox-1", 3, 8)]
    assert sandboxes(Options(tmp_path, clusters=2), state)[1] == Sandbox("sandbox-2", 3, 8)
    assert len(sandboxes(Options(tmp_path), state)) == 2


def test_what_is_asked_anew_wins(tmp_path: Path) -> None:
    state = State(tmp_path, clusters={"sandbox-1": {"nodes": "2", "gpus": "4"}})
    assert sandboxes(Options(tmp_path, nodes=6), state) == [Sandbox("sandbox-1", 6, 4)]


def test_with_a_context_there_is_no_sandbox(tmp_path: Path) -> None:
    state = State(tmp_path, clusters={"prod": {"context": "prod"}})
    assert sandboxes(Options(tmp_path, context="prod"), state) == []
    assert sandboxes(Options(tmp_path), state) == [Sandbox("sandbox-1", 4, 8)]


def test_a_context_and_a_size_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="one or the other") as refused:
        Options(tmp_path, nodes=2, context="prod")
    assert refused.value.exit_code == USAGE
