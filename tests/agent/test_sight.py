"""What the agent sees in pid namespaces and under mounts of /proc that are really made."""

import logging
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from agent.sight import OTHER_NAMESPACE, Sight, in_hosts_namespace
from tests.agent.running import Agent, address, spawned

OWN = ("unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--kill-child")
RUN = '"$@"; exit $?'
"""The shell stays as process 1, as an init of a container does."""
BARE = "setpriv --bounding-set=-all --inh-caps=-all"
"""uid 0 without a capability, as in the chart."""
NO_ROOT_GROUP = ("setpriv", "--regid=65534", "--clear-groups") if os.getuid() == 0 else ()
"""The kernel spares the group of root, unless the mount names another."""
HIDDEN = 'neurox_agent_processes_visible{node="gpu-1"} 0'
VISIBLE = 'neurox_agent_processes_visible{node="gpu-1"} 1'
BUSY = "neurox_gpu_unattributed_busy_seconds_total{"
MEMORY = "neurox_gpu_unattributed_memory_bytes{"
Page = Callable[..., str]


def own(script: str) -> tuple[str, ...]:
    """A pid namespace with an init of its own, in which ``script`` runs what follows."""
    made = (*NO_ROOT_GROUP, *OWN, "sh", "-c", script, "sh")
    tried = subprocess.run([*made, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"no namespaces of our own here: {tried.stderr}")
    return made


def hiding(how: str, run: str = BARE) -> tuple[str, ...]:
    return own(f"mount -t proc -o hidepid={how} proc /proc && {run} {RUN}")


@pytest.fixture
def page(library: Path, tmp_path: Path) -> Iterator[Page]:
    """First log lines and the page of an agent ``within``, once its page has ``that``."""
    running: list[Agent] = []

    def started(within: tuple[str, ...], pid: int, that: str) -> str:
        scenario = (
            "driver = 580.95.05\nhide_processes = yes\n[gpu 0]\nprofile = h100\n"
            f"uuid = GPU-5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b\nprocess = {pid} 1000 0.5\n"
        )
        process = spawned(library, tmp_path, scenario, within, HOST_PID="auto")
        running.append(process)
        url, said = address(process)
        deadline = time.monotonic() + 20
        while that not in (text := requests.get(f"{url}/metrics", timeout=5).text):
            assert time.monotonic() < deadline, text
            threading.Event().wait(0.05)
        process.kill()  # unshare does not hear a SIGTERM; what it runs ends with it
        return said + process.communicate(timeout=10)[1] + text

    yield started
    for process in running:
        process.kill()
        process.communicate(timeout=10)


def test_in_a_namespace_of_its_own_nothing_is_told_of_processes(page: Page) -> None:
    text = page(own(f"mount -t proc proc /proc && {RUN}"), 4_000_000, BUSY)
    assert HIDDEN in text
    assert OTHER_NAMESPACE in text
    assert MEMORY not in text
    assert "neurox_agent_unresolved_pids" not in text


def test_on_a_node_that_is_a_container_they_are_seen_once_one_is_there(page: Page) -> None:
    text = page(own(f"mount -t proc proc /proc && {RUN}"), 1, MEMORY)
    assert VISIBLE in text
    assert OTHER_NAMESPACE not in text


@pytest.mark.parametrize(
    ("how", "told"), [("1", "noaccess"), ("2", "invisible"), ("4", "ptraceable")]
)
def test_a_proc_that_hides_others_is_named(page: Page, how: str, told: str) -> None:
    text = page(hiding(how), 1, BUSY)
    assert HIDDEN in text
    assert f"/proc is mounted with hidepid={told}: no series of processes" in text
    assert MEMORY not in text


def test_whoever_may_trace_all_sees_all(page: Page) -> None:
    text = page(hiding("2", run=""), 1, MEMORY)
    assert VISIBLE in text
    assert "hidepid" not in text


def test_the_hosts_namespace_is_the_one_with_the_kernels_threads() -> None:
    kernel = Path("/proc/2/comm")
    assert in_hosts_namespace() is (kernel.exists() and kernel.read_text() == "kthreadd\n")


def test_the_reason_is_said_when_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sight = Sight(tmp_path, sure=False)
    assert sight.reason == OTHER_NAMESPACE
    (tmp_path / "7").mkdir()
    with caplog.at_level(logging.INFO):
        sight.look([], 0.0)
        sight.look([8], 1.0)
        sight.look([7], 2.0)
        sight.look([], 3.0)
    assert [one.message for one in caplog.records] == [OTHER_NAMESPACE, "processes can be seen"]
    assert sight.reason is None
