"""What the settings name is what the agent's own page tells, in the process that it is."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from tests.agent.running import Agent, address, spawned

UUID = "GPU-5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
SCENARIO = f"""driver = 580.95.05
[gpu 0]
uuid = {UUID}
model = NVIDIA H200
memory_bytes = 1000000
utilization = 0.5
power_watts = 300
process = 1 1000 0.5
"""
Start = Callable[..., str]


@pytest.fixture
def start(library: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts an agent with more settings; its first log lines, and its page with ``that`` on it."""
    running: list[Agent] = []

    def page(that: str, **more: str) -> str:
        process = spawned(library, tmp_path, SCENARIO, **more)
        running.append(process)
        url, said = address(process)
        return said + _page(f"{url}/metrics", that)

    yield page
    for process in running:
        process.kill()
        process.communicate(timeout=10)


def _page(url: str, that: str) -> str:
    deadline = time.monotonic() + 20
    while that not in (text := requests.get(url, timeout=5).text):
        assert time.monotonic() < deadline, text
        threading.Event().wait(0.05)
    return text


def test_without_the_hosts_pids_it_says_why_there_are_no_processes(start: Start) -> None:
    page = start('neurox_agent_processes_visible{node="gpu-1"} 0', HOST_PID="false")
    assert "see the chart value agent.hostPID" in page
    assert "neurox_gpu_unattributed_busy_seconds_total{" in page
    assert "neurox_gpu_unattributed_memory_bytes{" not in page


def test_jobs_of_the_map_are_on_the_page(start: Start, tmp_path: Path) -> None:
    (tmp_path / "0").write_text("4711\n")
    page = start("neurox_gpu_job_info{", JOB_MAP=str(tmp_path))
    assert f'uuid="{UUID}",gpu="0",gi="",hpc_job="4711"}} 1' in page


def test_an_api_server_that_is_away_is_told_and_holds_up_nothing(start: Start) -> None:
    page = start('neurox_agent_pods_up{node="gpu-1"} 0', KUBE_API="http://127.0.0.1:1")
    assert 'neurox_agent_processes_visible{node="gpu-1"} 1' in page
