import os
import re
import signal
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import IO

import pytest

from agent.dcgm.names import FIELDS
from agent.pages import Page
from agent.settings import VARIABLES
from tests.agent.serving import address, serving

COMMANDS = ("run", "check", "compare", "record", "reference")


def run(*words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "agent", *words],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_names_every_command_and_every_setting() -> None:
    said = run("--help").stdout
    for command in COMMANDS:
        assert f"\n    {command}" in said
    assert all(name in said for name in VARIABLES)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_says_what_it_does_and_of_each_option_what_it_is(command: str) -> None:
    said = run(command, "--help", COLUMNS="200").stdout
    usage, words, *rest = said.split("\n\n")
    assert usage.startswith(f"usage: neurox-agent {command}")
    assert words.endswith(".")
    options = [line for one in rest for line in one.splitlines() if line.startswith("  ")]
    assert all(re.fullmatch(r"  \S.*?  +\S.*", line) for line in options), options


def test_no_line_of_the_help_is_longer_than_a_terminal_is_wide() -> None:
    assert max(map(len, run("--help", COLUMNS="80").stdout.splitlines())) <= 80


def write_to(output: int | IO[str], word: str) -> tuple[int, str]:
    """How a command ends whose words go there, as they do for most: when its buffer is full."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", word],
        env={**os.environ, "PYTHONUNBUFFERED": ""},
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("word", ["reference", "--help"])
def test_a_reader_that_has_seen_enough_ends_a_command_without_a_trace(word: str) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    assert write_to(writes, word) == (1, "")
    os.close(writes)


@pytest.mark.parametrize("word", ["reference", "--help"])
def test_a_disk_that_is_full_ends_a_command_without_a_trace(word: str) -> None:
    with Path("/dev/full").open("w") as full:
        said = "neurox-agent: [Errno 28] No space left on device\n"
        assert write_to(full, word) == (1, said)


@pytest.mark.parametrize(("words", "status"), [("--help", 0), ("run", 2)])
@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_are_no_failure(words: str, status: int, closed: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m agent {words} {closed}', sys.executable],
        env={**os.environ, "NEUROX_AGENT_NODE": ""},
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status
    assert "Traceback" not in done.stderr


def test_it_says_its_version() -> None:
    assert run("--version").stdout == f"neurox-agent {metadata.version('neurox')}\n"


def test_an_unknown_command_is_refused_with_those_there_are() -> None:
    done = run("compere")
    assert done.returncode == 2
    assert "'run', 'check', 'compare', 'record', 'reference'" in done.stderr


def test_without_a_command_it_is_the_agent() -> None:
    for words in ((), ("run",)):
        done = run(*words, NEUROX_AGENT_NODE="")
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("neurox-agent: NEUROX_AGENT_NODE is not set")


def test_the_agent_loads_nothing_that_only_a_command_needs() -> None:
    code = "import sys, agent.main, agent.cli; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()
    assert not {"prometheus_client", "urllib.request", "agent.record.main"} & set(loaded)


def compare(theirs: str, ours: str, *words: str) -> "subprocess.CompletedProcess[str]":
    texts = {"/theirs": theirs, "/ours": ours}
    pages = {path: Page(lambda: None, lambda *_, text=text: text) for path, text in texts.items()}
    with serving(pages) as server:
        at = address(server)
        return run("compare", f"{at}/theirs", "--agent", f"{at}/ours", *words)


UTIL = 'DCGM_FI_DEV_GPU_UTIL{gpu="0",UUID="GPU-a"} 1\n'


def test_compare_is_content_where_nothing_is_missing() -> None:
    done = compare(UTIL, UTIL)
    assert (done.returncode, done.stdout) == (
        0,
        "The agent has every one of 1 series, with all labels.\n",
    )


def test_compare_lists_what_is_missing_with_the_reason() -> None:
    theirs = UTIL + 'DCGM_FI_DEV_VGPU_LICENSE_STATUS{gpu="0",UUID="GPU-a"} 0\n'
    done = compare(theirs, UTIL)
    assert done.returncode == 1
    assert done.stdout.startswith("DCGM_FI_DEV_VGPU_LICENSE_STATUS (1 GPU)\n    tells of the lic")
    assert done.stdout.endswith("\n2 series: 1 missing, 0 lacking labels or rows.\n")
    assert '"gpu": "GPU-a"' in compare(theirs, UTIL, "--output", "json").stdout


def test_compare_tells_a_row_that_many_names_lack_once() -> None:
    names = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED")
    theirs = "".join(f'{name}{{UUID="GPU-a",namespace="v",pod="x"}} 1\n' for name in names)
    done = compare(theirs, "".join(f'{name}{{UUID="GPU-a"}} 1\n' for name in names))
    assert done.stdout == (
        "row of pod v/x (2 names, 1 GPU)\n"
        "    the agent does not know this pod as the one that holds the GPU\n"
        "\n2 series: 0 missing, 2 lacking labels or rows.\n"
    )


def test_compare_of_an_exporter_that_is_not_there_says_so() -> None:
    done = run("compare", "127.0.0.1:1")
    assert done.returncode == 2
    assert done.stderr.startswith(
        "neurox-agent compare: http://127.0.0.1:1/metrics does not answer"
    )


def test_compare_says_which_address_of_the_agent_is_wrong() -> None:
    done = run("compare", "127.0.0.1:1", NEUROX_AGENT_LISTEN="nowhere")
    assert done.returncode == 2
    assert done.stderr.startswith("neurox-agent compare: NEUROX_AGENT_LISTEN must be HOST:PORT")


def test_ctrl_c_ends_a_command_without_a_trace() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        command = [sys.executable, "-m", "agent", "compare", url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            held, _ = silent.accept()  # or the command would end by itself
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
            held.close()
    assert (process.returncode, said) == (130, "")


def test_reference_prints_the_page() -> None:
    said = run("reference").stdout
    assert all(field.current.name in said for field in FIELDS)
