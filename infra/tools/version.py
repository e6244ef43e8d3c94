"""Whether a program that is already there is the one we mean."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from infra.tools.catalogue import Tool

_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_PROBE_SECONDS = 10.0


def parse(text: str) -> tuple[int, int, int] | None:
    """The first version number in the first line of ``text``, or None."""
    first = text.strip().splitlines()[:1]
    match = _VERSION.search(first[0]) if first else None
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def fits(tool: Tool, said: str) -> bool:
    """Whether a program that calls itself ``said`` may stand in: the same major and minor."""
    found, wanted = parse(said), parse(tool.version)
    return found is not None and wanted is not None and found[:2] == wanted[:2]


def ask(program: Path, args: tuple[str, ...], env: Mapping[str, str]) -> str:
    """What ``program`` says of its version; empty when it does not run or takes too long."""
    try:
        answer = subprocess.run(
            [str(program), *args],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout or answer.stderr
