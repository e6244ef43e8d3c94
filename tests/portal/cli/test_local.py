"""The commands as a person types them, each a program of its own."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

Neurox = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def neurox(tmp_path: Path) -> Neurox:
    env = {
        **os.environ,
        "NEUROX_STATE": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "NO_COLOR": "1",
    }

    def run(
        *words: str, stdout: int | TextIO = subprocess.PIPE, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "portal.cli.main", *words],
            env={**env, **more},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_help_names_the_commands_and_imports_nothing_heavy(neurox: Neurox) -> None:
    shown = neurox("--help")
    assert shown.returncode == 0
    for command in ("up", "down", "status", "logs", "tools"):
        assert f" {command} " in shown.stdout
    code = "import sys, portal.cli.main; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    ).stdout.split()
    heavy = {"kubernetes", "pydantic", "requests", "flask", "redis", "cryptography", "asyncio"}
    assert heavy & set(loaded) == set()


def test_without_a_fleet_status_is_3_and_says_what_to_do(neurox: Neurox) -> None:
    shown = neurox("status")
    assert shown.returncode == 3
    assert "`neurox up` starts it" in shown.stdout
    as_json = neurox("status", "-o", "json")
    assert as_json.returncode == 3
    assert json.loads(as_json.stdout)["processes"] == []


def test_a_log_that_is_not_there_is_3(neurox: Neurox) -> None:
    shown = neurox("logs", "etcd")
    assert shown.returncode == 3
    assert shown.stderr.startswith("neurox: there are no logs in ")


def test_a_taken_port_is_5_and_names_its_holder_and_leaves_nothing(
    neurox: Neurox, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        shown = neurox("up", "--port", str(port))
    assert shown.returncode == 5
    assert f"port {port} is taken by " in shown.stderr
    assert str(os.getpid()) in shown.stderr
    assert not (tmp_path / "state").exists()
    assert neurox("status").returncode == 3


def test_a_refusal_leaves_a_folder_that_was_there(neurox: Neurox, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\ncontexts: []\n")
    shown = neurox("up", "--context", "prod", KUBECONFIG=str(tmp_path / "kubeconfig"))
    assert shown.returncode == 1
    assert list((tmp_path / "state").iterdir()) == []


def test_a_broken_state_is_one_clear_message(neurox: Neurox, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "state.json").write_text('{"version": 7, "written_by": "9.9"}')
    shown = neurox("up")
    assert shown.returncode == 1
    assert "newer neurox 9.9" in shown.stderr
    assert "neurox down --purge" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert neurox("down", "--purge").returncode == 0
    assert not (tmp_path / "state").exists()


def test_a_plan_starts_and_writes_nothing(neurox: Neurox, tmp_path: Path) -> None:
    shown = neurox("up", "--dry-run", "--clusters", "2", "--nodes", "3", "--no-demo")
    assert shown.returncode == 0
    assert "sandbox-2" in shown.stdout
    assert "3 simulated nodes of 8 GPUs" in shown.stdout
    assert "demo           off" in shown.stdout
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("up", "--nodes", "0"),
        ("up", "--gpus", "-1"),
        ("up", "--port", "70000"),
        ("up", "--context", "prod", "--nodes", "3"),
        ("up", "--clusters", "two"),
        ("logs",),
    ],
)
def test_wrong_usage_is_2(neurox: Neurox, words: tuple[str, ...]) -> None:
    shown = neurox(*words)
    assert shown.returncode == 2
    assert "Traceback" not in shown.stderr


def test_a_context_that_is_not_there_is_1_and_named(neurox: Neurox, tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("apiVersion: v1\nkind: Config\ncontexts: []\n")
    shown = neurox("up", "--context", "prod", KUBECONFIG=str(tmp_path / "kubeconfig"))
    assert shown.returncode == 1
    assert "kube context prod" in shown.stderr
    assert "Traceback" not in shown.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("words", [("down",), ("down", "--purge"), ("up",), ("logs", "etcd")])
def test_a_file_for_a_folder_is_one_clear_message(
    neurox: Neurox, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "file").touch()
    shown = neurox(*words, "--state", str(tmp_path / "file"))
    assert shown.returncode in (1, 3)
    assert shown.stderr.startswith("neurox: ")
    assert len(shown.stderr.splitlines()) == 1


def test_the_help_hides_no_default(neurox: Neurox) -> None:
    assert "as last time, else 4" in neurox("up", "--help", COLUMNS="200").stdout
    assert "the current context" in neurox("get", "--help", COLUMNS="200").stdout
    assert "the project's first" in neurox("submit", "--help", COLUMNS="200").stdout


@pytest.mark.parametrize("words", [("status",), ("down",), ("tools", "--list"), ("--help",)])
def test_a_full_disk_under_the_output_is_one_line(neurox: Neurox, words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        shown = neurox(*words, stdout=full)
    assert shown.returncode == 1
    assert shown.stderr == ("neurox: the output could not be written: No space left on device\n")


def test_down_with_nothing_running_is_fine(neurox: Neurox) -> None:
    shown = neurox("down")
    assert shown.returncode == 0
    assert "nothing runs" in shown.stdout
