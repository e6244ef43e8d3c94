"""What a killed supervisor may have left running, and its end."""

import os
import signal
import time
from pathlib import Path

from infra.local import record
from infra.local.child import MARK

PATIENCE_SECONDS = 5.0


def find(folder: Path) -> list[int]:
    """Pids that belong to this state folder: recorded ones still the same, and marked ones."""
    mark, inside = f"{MARK}={folder}".encode(), f"{MARK}={folder}/".encode()
    last = record.read(folder)
    recorded = {
        row.pid
        for row in (last.processes if last else ())
        if row.pid is not None and row.ticks == record.started_ticks(row.pid) is not None
    }
    marked = {
        pid
        for pid in _pids()
        if any(one == mark or one.startswith(inside) for one in _environment(pid))
    }
    return sorted((recorded | marked) - {os.getpid()})


def end(folder: Path) -> int:
    """Stop them all, by force after five seconds; how many there were."""
    found = find(folder)
    for step in (signal.SIGTERM, signal.SIGKILL):
        for pid in find(folder):
            try:
                os.kill(pid, step)
            except (ProcessLookupError, PermissionError):
                continue
        deadline = time.monotonic() + PATIENCE_SECONDS
        while find(folder) and time.monotonic() < deadline:
            time.sleep(0.05)
    return len(found)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
