"""``neurox-agent record`` as a process."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.driven import environment

COMMAND = [sys.executable, "-m", "agent", "record"]


def record(library: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "--out", str(folder / "capture"), *arguments],
        env=environment(library, folder / "scenario"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_records_and_says_what(library: Path, tmp_path: Path, scenario_text: str) -> None:
    (tmp_path / "scenario").write_text(scenario_text)
    done = record(library, tmp_path, "--seconds", "1")
    assert done.returncode == 0
    last = done.stderr.splitlines()[-1]
    assert re.search(r"capture: \d+ calls to 2 GPUs, \d+ KiB", last)
    capture = (tmp_path / "capture").read_text()
    assert capture.startswith("neurox-nvml-capture 1\nabout neurox ")
    assert b"1654321987654".hex() not in capture
    assert b"0000000000001".hex() in capture


@pytest.mark.parametrize("seconds", ["0", "nan", "a minute"])
def test_a_bad_duration_is_refused(library: Path, tmp_path: Path, seconds: str) -> None:
    done = record(library, tmp_path, "--seconds", seconds)
    assert done.returncode == 2
    assert done.stderr.endswith("argument --seconds: 1 to 86400 seconds\n")


def test_another_capture_is_not_written_over(library: Path, tmp_path: Path) -> None:
    (tmp_path / "capture").write_text("mine")
    done = record(library, tmp_path)
    assert done.returncode == 1
    assert "File exists" in done.stderr
    assert (tmp_path / "capture").read_text() == "mine"


def test_without_a_driver_there_is_at_once_a_reason_and_no_capture(tmp_path: Path) -> None:
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    done = record(tmp_path, tmp_path, "--seconds", "600")
    assert done.returncode == 1
    assert "libnvidia-ml.so.1" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "capture").exists()


def test_a_full_disk_keeps_what_was_recorded_and_is_told(
    library: Path, tmp_path: Path, scenario_text: str
) -> None:
    (tmp_path / "scenario").write_text(scenario_text)
    full = "import resource, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192));"
    run = f"{full} runpy.run_module('agent', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", run, "record", "--out", str(tmp_path / "capture")],
        env=environment(library, tmp_path / "scenario"),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.endswith("capture ends early, and plays: File too large")
    assert (tmp_path / "capture").stat().st_size == 8192


def test_ctrl_c_keeps_what_was_recorded(library: Path, tmp_path: Path, scenario_text: str) -> None:
    (tmp_path / "scenario").write_text(scenario_text)
    command = [*COMMAND, "--out", str(tmp_path / "capture")]
    env = environment(library, tmp_path / "scenario")
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "calls recorded" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "calls to 2 GPUs" in rest
    assert "nvmlShutdown" in (tmp_path / "capture").read_text()
