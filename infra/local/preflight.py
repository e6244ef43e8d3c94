"""What must be true before anything is started."""

import os
import platform
import shutil
from pathlib import Path

from infra.local import state
from infra.local.errors import LocalError

FREE_BYTES = 2**30
UNFIT = ":;*?[\\"
"""The loader splits library paths at the first two; Redis and Prometheus take the rest of a path
for a pattern, and Redis then starts without its configuration."""


def check(folder: Path) -> None:
    """LocalError naming the first thing that is missing; makes the folder, mode 0700."""
    if platform.system() != "Linux":
        raise LocalError(
            f"neurox up runs on Linux, this is {platform.system()}; use a Linux machine, a virtual "
            "one or WSL 2. The other commands work here."
        )
    _refuse_name(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LocalError(
            f"{folder} cannot be made ({error.strerror}); choose another folder by --state."
        ) from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise LocalError(f"{folder} is not writable; choose another folder by --state.")
    if others := state.foreign(folder):
        raise LocalError(
            f"{folder} holds other things ({', '.join(others[:3])}); neurox wants a folder of its "
            "own: choose another one by --state."
        )
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES:
        raise LocalError(
            f"only {free // 2**20} MiB are free for {folder}; neurox needs {FREE_BYTES // 2**20}. "
            "Free some space or choose another folder by --state."
        )


def _refuse_name(folder: Path) -> None:
    unfit = [c for c in str(folder) if c in UNFIT or not c.isprintable()]
    if unfit:
        raise LocalError(
            f"the state folder {str(folder)!r} has {unfit[0]!r} in its name, which the servers "
            "cannot take; choose another one by --state."
        )
