"""A short program run to its end on the way up."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infra.local import child
from infra.local.errors import LocalError


def python(what: str, argv: tuple[str, ...], env: Mapping[str, str], state: Path) -> str:
    """``python -m ARGV``; its standard output. LocalError with its last words when it fails."""
    try:
        done = subprocess.run(
            (sys.executable, "-m", *argv),
            env=child.environment(env, state, os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            start_new_session=True,  # Ctrl-C is for us; what is under way is ended by its mark
        )
    except subprocess.TimeoutExpired:
        raise LocalError(f"{what}: no end after 180 s") from None
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-3:])
        raise LocalError(f"{what} failed: {said or child.how_it_ended(done.returncode)}")
    return done.stdout
