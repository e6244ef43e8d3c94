"""A fleet started the way a user starts it: ``neurox up`` in a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from portal.client import ApiError, Client, Unavailable

T = TypeVar("T")
NEUROX = Path(sys.executable).with_name("neurox")


def eventually(what: str, probe: Callable[[], T | None], seconds: float = 60) -> T:
    """The first true answer of ``probe``; fails naming ``what`` when there is none in time."""
    deadline = time.monotonic() + seconds
    last: object = None
    never = threading.Event()
    pause = 0.02
    while time.monotonic() < deadline:
        try:
            last = answer = probe()
            if answer:
                return answer
        except (ApiError, Unavailable, OSError, StopIteration) as failure:
            last = failure
        # Probes are spaced out, so that waiting does not slow down what is waited for.
        never.wait(pause)
        pause = min(pause * 1.5, 0.5)
    raise AssertionError(f"{what} did not happen in {seconds:g} s; last answer: {last!r}")


@dataclass
class Fleet:
    """A running ``neurox up``: where it lives, how to call it."""

    folder: Path
    process: subprocess.Popen[str]
    started_at: float
    url: str = ""
    password: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The environment that keeps this fleet apart from the user's own."""
        return environment(self.folder)

    def run(self, *args: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """``neurox ARGS`` against this fleet."""
        return subprocess.run(
            [str(NEUROX), *args],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            **options,
        )

    def status(self) -> dict[str, Any]:
        """What ``neurox status -o json`` says."""
        answer = self.run("status", "-o", "json")
        if answer.returncode:
            raise OSError(answer.stderr)
        return json.loads(answer.stdout)  # type: ignore[no-any-return]

    def pid(self, name: str) -> int:
        """The process id of one process by name."""
        return next(p["pid"] for p in self.status()["processes"] if p["name"] == name)

    def client(self) -> Client:
        """A client with the admin token that ``up`` left in the context ``local``."""
        contexts = json.loads((self.folder / "config/neurox/contexts.json").read_text())
        return Client(self.url, token=contexts["contexts"]["local"]["token"])

    def stop(self) -> int:
        """Ctrl-C, and the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


def environment(folder: Path) -> dict[str, str]:
    """HOME stays (tools are cached there); state and configuration lie in ``folder``."""
    return {
        **os.environ,
        "NEUROX_STATE": str(folder / "state"),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


def start(folder: Path, *args: str) -> Fleet:
    """Start ``neurox up ARGS``; its output goes to ``folder/up.log``."""
    folder.mkdir(parents=True, exist_ok=True)
    log = (folder / "up.log").open("a")
    process = subprocess.Popen(
        [str(NEUROX), "up", *args],
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Fleet(folder, process, time.monotonic())


def await_address(fleet: Fleet, seconds: float = 120) -> Fleet:
    """Wait until ``up`` has printed the address and, the first time, the password."""

    def printed() -> bool:
        if fleet.process.poll() is not None:
            raise AssertionError(f"neurox up ended:\n{(fleet.folder / 'up.log').read_text()}")
        text = (fleet.folder / "up.log").read_text()
        address = re.search(r"(http://(?:127\.0\.0\.1|localhost):\d+)", text)
        password = re.search(r"[Pp]assword:?\s+(\S+)", text)
        if address:
            fleet.url = address[1]
        if password:
            fleet.password = password[1]
        contexts = fleet.folder / "config/neurox/contexts.json"
        return bool(address) and contexts.exists()

    eventually("the address of neurox up", printed, seconds)
    return fleet
