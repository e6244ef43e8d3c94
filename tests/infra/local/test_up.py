"""`neurox up` as a person meets it: resumed, refused, interrupted, killed."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import stragglers

pytestmark = pytest.mark.slow
START_SECONDS = 150


class Home:
    """A state folder and the command line that uses it."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.contexts = folder / "config" / "neurox" / "contexts.json"
        self.env = {
            **os.environ,
            "NEUROX_STATE": str(self.state),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }
        self.said = folder / "up.log"
        self.running: subprocess.Popen[bytes] | None = None

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        argv = [sys.executable, "-m", "portal.cli.main", *words]
        return subprocess.run(
            argv, env=self.env, capture_output=True, text=True, timeout=90, check=False
        )

    def up(self, *words: str) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-m", "portal.cli.main", "up", "--no-demo", *words]
        with self.said.open("wb") as said:
            self.running = subprocess.Popen(
                argv, env=self.env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        return self.running

    def has_said(self, words: str) -> bool:
        assert self.running is not None
        text = self.said.read_text()
        assert self.running.poll() is None or words in text, text
        return words in text

    def nothing_is_left(self) -> bool:
        return stragglers.find(self.state) == [] and not (self.state / "lock").exists()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("home"))
    yield made
    if made.running is not None and made.running.poll() is None:
        made.running.kill()
        made.running.wait()
    made.run("down", "--purge")
    assert stragglers.find(made.state) == []


@pytest.mark.parametrize(
    "phase", ["tools ready", "sandbox-1: Kubernetes ready"], ids=["first", "middle"]
)
def test_ctrl_c_while_it_starts_leaves_nothing(
    home: Home, until: Callable[..., None], phase: str
) -> None:
    running = home.up("--nodes", "1")
    until(lambda: home.has_said(phase), START_SECONDS)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=40) == 130
    text = home.said.read_text()
    assert "interrupted" in text
    assert "Traceback" not in text
    assert home.nothing_is_left()


def test_it_comes_up_is_refused_twice_and_goes_down(home: Home, until: Callable[..., None]) -> None:
    running = home.up()
    until(lambda: home.has_said("Ctrl-C stops it"), START_SECONDS)
    text = home.said.read_text()
    found = re.search(r"Neurox is at (http://127\.0\.0\.1:\d+)", text)
    assert found
    assert text.count("first GPU numbers in the portal") == 1
    context = json.loads(home.contexts.read_text())["contexts"]["local"]
    assert context["server"] == found[1]
    second = home.run("up")
    assert second.returncode == 5
    assert f"pid {running.pid}" in second.stderr
    assert found[1] in second.stderr
    status = json.loads(home.run("status", "-o", "json").stdout)
    assert (status["phase"], status["url"]) == ("ready", found[1])
    assert {row["state"] for row in status["processes"]} == {"running"}
    assert home.run("down").returncode == 0
    assert running.wait(timeout=5) == 0
    assert home.nothing_is_left()


def test_a_killed_supervisor_takes_all_with_it_and_the_next_up_resumes(
    home: Home, until: Callable[..., None]
) -> None:
    before = json.loads((home.state / "state.json").read_text())
    home.up()
    until(lambda: home.has_said("Ctrl-C stops it"), START_SECONDS)
    assert home.running is not None
    home.running.kill()
    home.running.wait()
    until(lambda: stragglers.find(home.state) == [])
    assert home.run("status").returncode == 3
    running = home.up()
    until(lambda: home.has_said("Ctrl-C stops it"), START_SECONDS)
    after = json.loads((home.state / "state.json").read_text())
    assert after["ports"] == before["ports"]
    assert "password you were given first" in home.said.read_text()
    clusters = home.run("get", "clusters", "-o", "json")
    assert clusters.stdout.count('"sandbox-1"') == 1
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=40) == 0
    assert home.nothing_is_left()
    assert home.run("down", "--purge").returncode == 0
    assert not home.state.exists()
