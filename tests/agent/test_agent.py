"""The whole agent as a process on the simulated driver."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.running import address, spawned

HEAD = "driver = 580.95.05\n"
RSS_MOST_KIB = 45 * 1024
AT_FULL_SPEED_SECONDS = 0.2
"""Of two busy cores; what waits for the driver, or for anything, takes longer."""
UP, UTILIZATION = "neurox_gpu_up", "neurox_gpu_utilization_ratio"


def gpus(count: int, last: str = "") -> str:
    blocks = [
        f"[gpu {i}]\nuuid = GPU-00000000-0000-0000-0000-00000000000{i}\nmodel = NVIDIA H200\n"
        "memory_bytes = 1000000\nutilization = 0.5\npower_watts = wave 300 100 10\n"
        for i in range(count)
    ]
    return HEAD + "".join(blocks) + last


class Agent:
    """A running agent and where to ask it."""

    def __init__(self, process: subprocess.Popen[str], scenario: Path) -> None:
        self.process = process
        self.scenario = scenario
        self.url, self.said = address(process)

    def get(self, path: str) -> str:
        answer = requests.get(self.url + path, timeout=5)
        assert answer.ok, answer.text
        return answer.text

    def until(self, true: Callable[[str], bool], seconds: float = 10) -> str:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            text = self.get("/metrics")
            if true(text):
                return text
            threading.Event().wait(0.05)
        raise AssertionError(text)

    def scrape_seconds(self) -> float:
        """What a scrape of either page takes, seldom more."""
        times = []
        for path in ("/metrics", "/dcgm/metrics") * 10:
            began = time.monotonic()
            self.get(path)
            times.append(time.monotonic() - began)
        return median(times)

    @property
    def trace(self) -> list[str]:
        """What the driver tells of its starts and stops."""
        return self.scenario.with_name("trace").read_text().splitlines()

    def change(self, text: str) -> None:
        draft = self.scenario.with_suffix(".draft")
        draft.write_text(text)
        draft.replace(self.scenario)


def start(library: Path, folder: Path, text: str) -> Agent:
    return Agent(spawned(library, folder, text), folder / "scenario")


@pytest.fixture
def agent(library: Path, tmp_path: Path) -> Iterator[Agent]:
    running = start(library, tmp_path, gpus(8))
    yield running
    running.process.kill()
    running.process.communicate(timeout=10)


def value(text: str, name: str, *labels: str) -> float | None:
    for line in text.splitlines():
        if line.startswith(name + "{") and all(label in line for label in labels):
            return float(line.rpartition(" ")[2])
    return None


def test_a_gpu_lost_while_running_goes_down_and_the_others_stay(agent: Agent) -> None:
    agent.until(lambda text: value(text, "neurox_gpu_up", 'gpu="7"') == 1)
    agent.change(gpus(8, "lost = yes\n"))
    text = agent.until(lambda text: value(text, "neurox_gpu_up", 'gpu="7"') == 0)
    assert value(text, "neurox_gpu_utilization_ratio", 'gpu="7"') is None
    assert value(text, "neurox_gpu_utilization_ratio", 'gpu="6"') == 0.5
    failed = value(text, "neurox_agent_collection_errors_total", "gpu_is_lost")
    assert failed is not None
    assert failed >= 1


def test_a_gpu_that_hangs_is_down_alone_and_holds_up_neither_scrapes_nor_the_end(
    agent: Agent,
) -> None:
    agent.until(lambda text: value(text, UP, 'gpu="7"') == 1)
    assert agent.scrape_seconds() < AT_FULL_SPEED_SECONDS
    agent.change(gpus(8, "delay = nvmlDeviceGetUtilizationRates 60\n"))
    began = time.monotonic()
    agent.until(lambda text: value(text, UTILIZATION, 'gpu="7"') is None)
    assert agent.scrape_seconds() < AT_FULL_SPEED_SECONDS, "while the call is only late"
    text = agent.until(lambda text: value(text, UP, 'gpu="7"') == 0, 20)
    assert 4.5 < time.monotonic() - began < 8.5, "it hangs after 5 s, seen at the next pass"
    assert value(text, UTILIZATION, 'gpu="7"') is None
    assert value(text, UTILIZATION, 'gpu="6"') == 0.5
    assert value(text, "neurox_gpu_info", 'gpu="7"', "NVIDIA H200") == 1
    assert value(text, "neurox_agent_stuck") == 1
    assert agent.scrape_seconds() < AT_FULL_SPEED_SECONDS, "while it hangs"
    age = value(text, "neurox_agent_snapshot_age_seconds")
    assert age is not None
    assert age < 2
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(timeout=6) == 0
    assert agent.trace[-1].startswith("nvmlShutdown: 0 users")


def test_when_all_gpus_hang_what_is_served_stays_young(agent: Agent) -> None:
    agent.until(lambda text: value(text, "neurox_node_gpus") == 8)
    agent.change("delay = nvmlDeviceGetUtilizationRates 60\n" + gpus(8))
    began, ages = time.monotonic(), []

    def all_down(text: str) -> bool:
        ages.append(value(text, "neurox_agent_snapshot_age_seconds") or 0.0)
        return text.count("\nneurox_gpu_up{") == 8 and not value(text, "neurox_gpu_up", "} 1")

    text = agent.until(all_down, 20)
    assert time.monotonic() - began < 8
    assert value(text, "neurox_agent_stuck") == 8
    assert max(ages) <= 1.5


def test_a_start_that_hangs_is_ready_with_a_declared_zero(library: Path, tmp_path: Path) -> None:
    running = start(library, tmp_path, "delay = nvmlInitWithFlags 60\n" + gpus(1))
    try:
        text = running.until(lambda text: value(text, "neurox_node_gpus") is not None)
        assert value(text, "neurox_node_gpus") == 0
        assert value(text, "neurox_agent_driver_up") == 0
        assert running.get("/readyz") == "ok\n"
        text = running.until(lambda text: value(text, "neurox_agent_stuck") == 1)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=10) == 0
    finally:
        running.process.kill()
        running.process.communicate(timeout=10)


def test_a_signal_drains_it_and_another_takes_the_driver_again(agent: Agent) -> None:
    agent.until(lambda text: value(text, UP, 'gpu="7"') == 1)
    agent.process.send_signal(signal.SIGUSR1)
    text = agent.until(lambda text: value(text, "neurox_agent_drained") == 1)
    assert value(text, "neurox_node_gpus") == 0
    assert value(text, UP) is None
    agent.process.send_signal(signal.SIGUSR2)
    text = agent.until(lambda text: value(text, UP, 'gpu="7"') == 1)
    assert value(text, "neurox_agent_drained") == 0


def profiled(profile: str, more: str = "") -> str:
    return (
        f"{HEAD}[gpu 0]\nprofile = {profile}\nuuid = GPU-{'0' * 8}{'-0000' * 3}-{'0' * 12}\n{more}"
    )


@pytest.mark.parametrize("mig", ["", "mig = 1 0 3g.40gb\nmig = 2 0 3g.40gb\n"])
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_drain_and_the_end_give_back_all_that_was_held_of_the_driver(
    library: Path, tmp_path: Path, mig: str, number: signal.Signals
) -> None:
    active = "neurox_mig_sm_active_ratio" if mig else "neurox_gpu_sm_active_ratio"
    running = start(library, tmp_path, profiled("h100", mig))
    try:
        running.until(lambda text: value(text, active) is not None)
        running.process.send_signal(number)
        if number == signal.SIGTERM:
            assert running.process.wait(timeout=10) == 0
        else:
            running.until(lambda text: value(text, "neurox_agent_drained") == 1)
        assert running.trace == [
            "nvmlInitWithFlags: 1 users, 0 samples, 0 event sets",
            "nvmlShutdown: 0 users, 0 samples, 0 event sets",
        ]
    finally:
        running.process.kill()
        running.process.communicate(timeout=10)


@pytest.mark.parametrize(
    ("profile", "has", "lacks"),
    [
        ("h200", "neurox_gpu_sm_active_ratio", "neurox_gpu_retired_pages"),
        ("h100", "neurox_gpu_tensor_active_seconds_total", "neurox_mig_info"),
        ("b200", "neurox_gpu_nvlink_bytes_total", "neurox_gpu_retired_pages"),
        ("a100", "neurox_gpu_row_remap_banks", "neurox_gpu_sm_active_ratio"),
        ("a100-mig", "neurox_mig_memory_used_bytes", "neurox_gpu_utilization_ratio"),
        ("l40s", "neurox_gpu_encoder_utilization_ratio", "neurox_gpu_nvlink_links"),
        ("t4", "neurox_gpu_retired_pages", "neurox_gpu_remapped_rows"),
    ],
)
def test_every_model_is_served_whole(
    library: Path, tmp_path: Path, profile: str, has: str, lacks: str
) -> None:
    running = start(library, tmp_path, profiled(profile))
    try:
        text = running.until(lambda text: value(text, has) is not None)
        assert value(text, UP) == 1
        assert value(text, "neurox_gpu_health", 'check="lost"') == 0
        assert value(text, "neurox_agent_collection_duration_seconds", 'tier="S"') is not None
        assert value(text, lacks) is None
        assert value(text, "neurox_agent_collection_errors_total") is None
        families = {family.name for family in text_string_to_metric_families(text)}
        assert len(families) > 45
    finally:
        running.process.kill()
        running.process.communicate(timeout=10)


def test_memory_stays_small_with_eight_gpus(agent: Agent) -> None:
    for _ in range(20):
        agent.until(lambda text: value(text, "neurox_node_gpus") == 8)
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    rss = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert rss is not None
    assert int(rss[1]) < RSS_MOST_KIB


def test_sigterm_ends_it_in_order(agent: Agent) -> None:
    agent.until(lambda text: value(text, "neurox_node_gpus") == 8)
    assert agent.get("/healthz") == "ok\n"
    assert agent.get("/readyz") == "ok\n"
    agent.process.send_signal(signal.SIGTERM)
    _, rest = agent.process.communicate(timeout=10)
    assert agent.process.returncode == 0
    assert rest.rstrip().endswith("stopped")


def test_without_a_driver_it_serves_a_declared_zero(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    running = start(tmp_path, tmp_path, "")
    try:
        text = running.until(lambda text: value(text, "neurox_node_gpus") is not None)
        assert value(text, "neurox_node_gpus") == 0
        assert value(text, "neurox_agent_driver_up") == 0
        assert running.get("/readyz") == "ok\n"
    finally:
        running.process.kill()
        running.process.wait(timeout=10)
    # Not communicate(), which would leave out what came together with the line of the address.
    assert running.process.stderr is not None
    rest = running.process.stderr.read()
    assert "libnvidia-ml.so.1" in running.said + rest


def test_a_taken_port_is_refused_by_name(agent: Agent, tmp_path: Path) -> None:
    port = agent.url.rpartition(":")[2]
    env = {
        **os.environ,
        "NEUROX_AGENT_NODE": "gpu-1",
        "NEUROX_AGENT_LISTEN": f"127.0.0.1:{port}",
    }
    command = [sys.executable, "-m", "agent"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert f"NEUROX_AGENT_LISTEN=127.0.0.1:{port}: Address already in use" in done.stderr
