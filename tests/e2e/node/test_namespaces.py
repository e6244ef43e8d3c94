"""A first process of its own: what it hands back, what it reaps, and who dies with it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.node, pytest.mark.usefixtures("own_nodes")]

CODE = """
import subprocess, sys, time
from infra.local.node import namespaces

namespaces.unshare(namespaces.MOUNTS)
namespaces.mount("none", "/", flags=namespaces.RECURSIVE | namespaces.SLAVE)

def work():
{work}

sys.exit(namespaces.as_first_process(work))
"""
ORPHAN = """
    subprocess.run(["sh", "-c", "sleep 0.1 & sleep 0"])
    while subprocess.run(["pgrep", "sleep"], stdout=subprocess.DEVNULL).returncode == 0:
        time.sleep(0.05)
    subprocess.run(["ps", "-eo", "stat,comm"])
    return 7
"""
SLEEPER = """
    print(flush=True)
    time.sleep(600)
"""


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen]:
    argv = (sys.executable, "-c", CODE.format(work=SLEEPER))
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as outer:
        outer.stdout.readline()
        yield outer
        outer.kill()


def test_the_status_is_handed_back_and_orphans_are_reaped() -> None:
    argv = (sys.executable, "-c", CODE.format(work=ORPHAN))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 7, done.stderr
    assert "python" in done.stdout
    assert "Z" not in {line.split()[0] for line in done.stdout.splitlines()}


def test_work_that_fails_is_told_and_counts_as_failed() -> None:
    argv = (sys.executable, "-c", CODE.format(work="    raise RuntimeError('no such luck')"))
    done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "no such luck" in done.stderr


def test_a_killed_outer_process_takes_all_inside_with_it(sleeper: subprocess.Popen) -> None:
    (first,) = children(sleeper.pid)
    (work,) = children(first)
    sleeper.kill()
    sleeper.wait(timeout=10)
    deadline = time.monotonic() + 10
    while any(alive(pid) for pid in (first, work)):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_sigterm_goes_on_to_the_work(sleeper: subprocess.Popen) -> None:
    sleeper.send_signal(signal.SIGTERM)
    assert sleeper.wait(timeout=10) == 256 - signal.SIGTERM


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
