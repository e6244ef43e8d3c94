import logging
import sys
from pathlib import Path

import pytest

from agent.journal import TEXT_MAX, Lines, plain
from tests.agent.running import started


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("pods is forbidden", "pods is forbidden"),
        ("no\n2026-01-01 ERROR lie", "no\\n2026-01-01 ERROR lie"),
        ("\x1b[31mred\r", "\\x1b[31mred\\r"),
        ("a\u2028b\u202ec", "a\\u2028b\\u202ec"),
        ("dreißig µs \udcff", "dreißig µs \\udcff"),
        ("x" * 2 * TEXT_MAX, "x" * (TEXT_MAX - 3) + "..."),
        ("\0" * TEXT_MAX, ("\\x00" * TEXT_MAX)[: TEXT_MAX - 3] + "..."),
    ],
)
def test_a_text_is_one_line_that_people_can_read(text: str, told: str) -> None:
    assert plain(text) == told


def test_a_line_of_an_exceptions_message_does_not_pass_for_one_of_the_log() -> None:
    try:
        raise RuntimeError("bad\n2026-01-01 ERROR lie\x1b[2J")
    except RuntimeError:
        record = logging.LogRecord("a", 40, "", 1, "failed\n%s", ("x",), sys.exc_info())
    first, *rest = Lines("%(levelname)s %(message)s").format(record).splitlines()
    assert first == "ERROR failed\\nx"
    assert rest[-1] == "  2026-01-01 ERROR lie\\x1b[2J"
    assert all(line.startswith("  ") for line in rest)


def test_the_agents_log_keeps_a_path_on_its_line(tmp_path: Path) -> None:
    env = {"NEUROX_AGENT_JOB_MAP": f"{tmp_path}/a\nb\x1b[2J", "LD_LIBRARY_PATH": str(tmp_path)}
    agent = started(env)
    try:
        assert agent.stderr is not None
        line = next(line for line in agent.stderr if "JOB_MAP" in line)
    finally:
        agent.kill()
        agent.communicate(timeout=10)
    assert f"JOB_MAP={tmp_path}/a\\nb\\x1b[2J: No such file or directory\n" in line
