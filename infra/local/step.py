"""A short program run to its end on the way up."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local import child
from infra.local.errors import LocalError

LONGEST_SECONDS = 180.0


def python(
    what: str,
    argv: tuple[str, ...],
    env: Mapping[str, str],
    state: Path,
    seconds: float = LONGEST_SECONDS,
) -> str:
    """``python -m ARGV``; its standard output. LocalError with its last words when it fails."""
    running = subprocess.Popen(
        (sys.executable, "-m", *argv),
        env=child.environment(env, state, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for us; what is under way is ended by its mark
    )
    try:
        said, complained = running.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise LocalError(f"{what}: no end after {seconds:g} s") from None
    finally:
        # Not waited for: a call that hangs in the kernel outlives even SIGKILL.
        if running.poll() is None:
            child.kill_group(running.pid)
    if running.returncode:
        last = "\n".join(complained.strip().splitlines()[-3:])
        raise LocalError(f"{what} failed: {last or child.how_it_ended(running.returncode)}")
    return said
