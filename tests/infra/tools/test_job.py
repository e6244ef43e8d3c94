import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.tools.job import Job


def test_output_of_both_kinds_is_in_the_log(tmp_path: Path) -> None:
    job = Job(("sh", "-c", "echo out; echo err >&2; exit 3"), tmp_path / "x.log", os.environ)
    assert job.run(lambda _: None) == 3
    assert job.tail(2) == ["out", "err"]


def test_the_last_line_is_passed_on_while_it_runs(tmp_path: Path) -> None:
    told: list[str] = []
    release = tmp_path / "release"

    def tick(detail: str) -> None:
        told.append(detail)
        if detail == "compiling":
            release.touch()

    script = (
        f"echo compiling; for i in $(seq 200); do [ -e {release} ] && exit; sleep 0.05; done; false"
    )
    assert Job(("sh", "-c", script), tmp_path / "x.log", os.environ).run(tick) == 0
    assert "compiling" in told


def test_breaking_off_ends_the_command_and_its_children(tmp_path: Path) -> None:
    # What sh starts in the background ignores SIGINT, as a stubborn compiler would.
    job = Job(("sh", "-c", "sleep 300 & echo $!; wait"), tmp_path / "x.log", os.environ)
    seen: list[int] = []

    def press_ctrl_c(detail: str) -> None:
        if detail:
            seen.append(int(detail))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.run(press_ctrl_c)
    deadline = time.monotonic() + 5
    while _running(seen[0]):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("ctrl_c", ["default_int_handler", "SIG_IGN"], ids=["front", "background"])
def test_a_builder_that_is_killed_takes_its_command_with_it(tmp_path: Path, ctrl_c: str) -> None:
    script = (
        "import os, pathlib, signal; from infra.tools.job import Job\n"
        f"signal.signal(signal.SIGINT, signal.{ctrl_c})\n"
        f"job = Job(('sh', '-c', 'echo $$; exec sleep 300'), pathlib.Path({str(tmp_path / 'x')!r}),"
        " os.environ)\n"
        "job.run(lambda line: line and print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as builder:
        command = int(builder.stdout.readline())
        builder.kill()
    deadline = time.monotonic() + 5
    while _running(command):
        assert time.monotonic() < deadline


def test_the_command_is_shown_as_one_would_type_it(tmp_path: Path) -> None:
    job = Job(("go", "build", "-ldflags=-s -w"), tmp_path / "x.log", {}, cwd=Path("/src"))
    assert job.shown() == "cd /src && go build '-ldflags=-s -w'"


def _running(pid: int) -> bool:
    try:
        return not re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text())
    except FileNotFoundError:
        return False
