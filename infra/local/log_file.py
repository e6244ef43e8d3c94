"""A process's log: appended by the process itself, kept small by us, read from its end."""

import os
import shutil
from pathlib import Path
from typing import IO

LIMIT_BYTES = 8 * 2**20
TAIL_BYTES = 64 * 2**10


class LogFile:
    """``logs/<name>.log`` and, once that was full, ``logs/<name>.log.1``."""

    def __init__(self, logs: Path, name: str) -> None:
        self.path = logs / f"{name}.log"

    def open(self) -> IO[bytes]:
        """For a new start of the process: appending, a full one put aside first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._is_full():
            self.path.replace(self._aside())
        return self.path.open("ab")

    def cap(self) -> None:
        """While the process writes: copy a full log aside and empty it; it appends, so goes on."""
        if self._is_full():
            shutil.copyfile(self.path, self._aside())
            os.truncate(self.path, 0)

    def last(self, lines: int, since: int = 0) -> list[str]:
        """The last lines, oldest first, of what was written after ``since`` bytes."""
        return tail(self.path, lines, since)

    def _is_full(self) -> bool:
        return self.path.exists() and self.path.stat().st_size > LIMIT_BYTES

    def _aside(self) -> Path:
        return self.path.with_name(self.path.name + ".1")


def tail(path: Path, lines: int, since: int = 0) -> list[str]:
    """The last lines of a file, looking at no more than its last 64 KiB (1 MiB for many lines)."""
    reach = TAIL_BYTES if lines <= 100 else 16 * TAIL_BYTES
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - reach, since if since <= size else 0)
            file.seek(begin)
            text = file.read()
    except FileNotFoundError:
        return []
    found = text.decode(errors="replace").splitlines()
    if begin == size - reach:
        found = found[1:]  # begun in the middle
    return found[-lines:] if lines > 0 else []
