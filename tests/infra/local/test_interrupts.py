"""Signals to a supervisor that runs as a program of its own."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.local import record, stragglers

PROGRAM = """
import asyncio, sys
from pathlib import Path
from infra.local.errors import LocalError
from infra.local.interrupts import Interrupts
from infra.local.process import Process
from infra.local.supervisor import Supervisor

async def main(folder, blocked):
    interrupts = Interrupts()
    deaf = "import signal,time\\nsignal.signal(15, signal.SIG_IGN)\\nprint(1,flush=True)\\n"
    deaf += "while True: time.sleep(60)"
    child = Process("child", (sys.executable, "-S", "-c", deaf), stop_seconds=60)
    log = folder / "logs/child.log"
    hangs = (lambda: __import__("time").sleep(60)) if blocked else None
    after = Process("after", ("/bin/sleep", "60"), needs=("child",), prepare=hangs)
    ready = lambda: bool(log.read_text())
    child = Process("child", child.argv, ready=ready, stop_seconds=60)
    supervisor = Supervisor([child, after], folder, print, interrupts.hurry)
    supervisor.start()
    try:
        await interrupts.unless_stopped(supervisor.ready(list(supervisor.keepers), 60))
        supervisor.now_ready("here")
        await interrupts.stop.wait()
    except LocalError as error:
        print(error, flush=True)
        sys.exit(error.exit_code)
    finally:
        await supervisor.stop()

asyncio.run(main(Path(sys.argv[1]), sys.argv[2] == "blocked"))
"""


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[bytes]"]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(mode: str) -> "subprocess.Popen[bytes]":
        argv = [sys.executable, "-c", PROGRAM, str(tmp_path), mode]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE))
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()
    stragglers.end(tmp_path)


def phase(folder: Path) -> str:
    found = record.read(folder)
    return found.phase if found else ""


def children(folder: Path) -> list[int]:
    found = record.read(folder)
    return [row.pid for row in found.processes if row.pid] if found else []


def test_nothing_survives_a_killed_supervisor(
    tmp_path: Path,
    supervise: Callable[[str], "subprocess.Popen[bytes]"],
    until: Callable[..., None],
    is_alive: Callable[[int], bool],
) -> None:
    running = supervise("free")
    until(lambda: phase(tmp_path) == "ready")
    pids = children(tmp_path)
    assert len(pids) == 2
    running.kill()
    running.wait()
    until(lambda: not any(is_alive(pid) for pid in pids))
    assert stragglers.find(tmp_path) == []


def test_ctrl_c_ends_a_start_that_hangs(
    tmp_path: Path,
    supervise: Callable[[str], "subprocess.Popen[bytes]"],
    until: Callable[..., None],
) -> None:
    running = supervise("blocked")
    until(lambda: (tmp_path / "logs/child.log").exists() and children(tmp_path))
    until((tmp_path / "logs/child.log").read_text)
    running.send_signal(signal.SIGINT)
    until(lambda: phase(tmp_path) == "stopping" or running.poll() is not None)
    running.send_signal(signal.SIGINT)  # the child ignores SIGTERM for a minute
    out, _ = running.communicate(timeout=15)
    assert running.returncode == 130
    assert b"interrupted" in out
    assert stragglers.find(tmp_path) == []


def test_a_second_ctrl_c_hurries_the_stop(
    tmp_path: Path,
    supervise: Callable[[str], "subprocess.Popen[bytes]"],
    until: Callable[..., None],
) -> None:
    running = supervise("free")
    until(lambda: phase(tmp_path) == "ready")
    running.send_signal(signal.SIGINT)
    until(lambda: phase(tmp_path) == "stopping")
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=15) == 0
    assert stragglers.find(tmp_path) == []


def test_stragglers_are_told_by_their_mark_and_ended(
    tmp_path: Path, until: Callable[..., None]
) -> None:
    env = {"NEUROX_LOCAL_STATE": str(tmp_path)}
    with subprocess.Popen(["/bin/sleep", "60"], env=env) as left:
        until(lambda: stragglers.find(tmp_path) == [left.pid])
        assert stragglers.end(tmp_path) == 1
        left.wait(timeout=5)
    assert stragglers.find(tmp_path) == []
