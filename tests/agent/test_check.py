import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent.check import Finding, look
from agent.settings import Settings
from tests.agent.podresources import Answering, devices, pod

HEAD = "driver = 580.95.05\ncuda = 13.0\n"
UUID = "GPU-00000000-0000-0000-0000-00000000000"


def gpus(count: int, last: str = "") -> str:
    blocks = (f"[gpu {i}]\nprofile = h100\nuuid = {UUID}{i}\n" for i in range(count))
    return HEAD + "".join(blocks) + last


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    given = {"NODE": "n", "POD_LOGS": str(tmp_path), "HOST_PID": "true"}
    return Settings.from_env({f"NEUROX_AGENT_{name}": value for name, value in given.items()})


def found(settings: Settings, wait_seconds: float = 10) -> dict[str, Finding]:
    return {one.about: one for one in look(settings, wait_seconds)}


def test_a_node_with_gpus_and_nothing_else_is_good(
    scenario: Callable[[str], None], settings: Settings
) -> None:
    scenario(gpus(2))
    findings = found(settings)
    assert findings["driver"] == Finding("driver", True, "580.95.05, CUDA 13.0")
    assert findings["GPUs"].says == "2"
    assert f"NVIDIA H100 80GB HBM3, {UUID}1" in findings["GPU 1"].says
    assert findings["kubelet"].good is findings["pods"].good is None
    assert "NEUROX_AGENT_POD_RESOURCES is not set" in findings["kubelet"].says
    assert all(one.good is not False for one in findings.values())


def test_a_lost_gpu_is_found_and_the_others_are_well(
    scenario: Callable[[str], None], settings: Settings
) -> None:
    scenario(gpus(2, "lost = yes\n"))
    findings = found(settings)
    assert (findings["GPU 0"].good, findings["GPU 1"].good) == (True, False)


def test_a_kubelet_that_does_not_answer_is_named(
    scenario: Callable[[str], None], settings: Settings, tmp_path: Path
) -> None:
    scenario(gpus(1))
    findings = found(replace(settings, pod_resources=tmp_path / "kubelet.sock"), wait_seconds=1)
    says = f"{tmp_path / 'kubelet.sock'} does not answer"
    assert findings["kubelet"] == Finding("kubelet", False, says)


def test_a_pod_whose_uid_nobody_tells_is_named_with_the_reason(
    scenario: Callable[[str], None], settings: Settings, tmp_path: Path
) -> None:
    scenario(gpus(1))
    socket = tmp_path / "kubelet.sock"
    kubelet = Answering(socket, pod("a", devices("nvidia.com/gpu", f"{UUID}0")))
    asked = replace(settings, pod_resources=socket)
    try:
        before = found(asked)
        (tmp_path / "vision_a_5f6c").mkdir()
        after = found(asked)
    finally:
        kubelet.stop()
    lacking = before["pod uids"]
    assert lacking.good is False
    assert lacking.says.startswith("no process is known as theirs, for neither the API server")
    assert f"{tmp_path} (NEUROX_AGENT_POD_LOGS)" in lacking.says
    assert "pod uids" not in after


def test_a_job_map_is_told_where_there_is_one(
    scenario: Callable[[str], None], settings: Settings, tmp_path: Path
) -> None:
    scenario(gpus(1))
    assert "jobs" not in found(settings)
    assert found(replace(settings, job_map=tmp_path))["jobs"].good
    absent = found(replace(settings, job_map=tmp_path / "absent"))["jobs"]
    assert absent == Finding("jobs", False, f"{tmp_path}/absent is no folder")


def test_without_a_driver_nothing_is_said_of_processes(
    scenario: Callable[[str], None], settings: Settings
) -> None:
    scenario("fail = nvmlInitWithFlags 9\n" + gpus(1))
    assert found(settings)["processes"].good is None


def test_a_driver_that_hangs_is_found_and_not_waited_for(
    scenario: Callable[[str], None], settings: Settings
) -> None:
    scenario(gpus(1, "delay = nvmlDeviceGetUtilizationRates 20\n"))
    assert found(settings, wait_seconds=8)["GPU 0"].good is False


def run(folder: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """The command, which finds whatever driver lies in ``folder``."""
    return subprocess.run(
        [sys.executable, "-m", "agent", "check", *words],
        env={**os.environ, "LD_LIBRARY_PATH": str(folder), "NEUROX_AGENT_HOST_PID": "true", **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_needs_no_setting_and_prints_a_table(library: Path, tmp_path: Path) -> None:
    (tmp_path / "scenario").write_text(gpus(1))
    done = run(library, NEUROX_NVML_SCENARIO=str(tmp_path / "scenario"))
    assert done.returncode == 0, done.stderr
    assert "ok  driver     580.95.05, CUDA 13.0\n" in done.stdout
    assert f"{library}/libnvidia-ml.so.1" in done.stdout


def test_without_a_driver_it_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    done = run(tmp_path, "--output", "json")
    assert done.returncode == 1
    findings = {one["about"]: one for one in json.loads(done.stdout)["findings"]}
    assert findings["library"]["good"] is findings["driver"]["good"] is False
    assert "install the NVIDIA driver" in findings["driver"]["says"]


def test_a_bad_setting_is_refused_by_name(tmp_path: Path) -> None:
    done = run(tmp_path, NEUROX_AGENT_DCGM="on")
    assert done.returncode == 2
    assert done.stderr.startswith("neurox-agent check: NEUROX_AGENT_DCGM must be none")
