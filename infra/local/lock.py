"""One `neurox up` a state folder."""

import contextlib
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from infra.local.errors import CONFLICT, LocalError


class Lock:
    """A file lock that the kernel drops with the process; the file names pid and address."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "lock"
        self._file: int | None = None

    def acquire(self) -> None:
        """Take it; LocalError naming the holder when another has it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                raise LocalError(_taken(self.path), CONFLICT) from None
            if self._is_current(file):
                break
            os.close(file)  # the former holder removed it between our open and our lock
        self._file = file
        self.describe(url=None)

    def describe(self, url: str | None) -> None:
        """Write who we are into it, for a second `up` to name."""
        if self._file is not None:
            text = json.dumps({"pid": os.getpid(), "url": url}).encode()
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text, 0)

    def release(self) -> None:
        """Remove the file, then let go."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                if self._is_current(self._file):
                    self.path.unlink()
            os.close(self._file)
            self._file = None

    def _is_current(self, file: int) -> bool:
        try:
            there = self.path.stat()
        except FileNotFoundError:
            return False
        return os.fstat(file).st_ino == there.st_ino

    def __enter__(self) -> "Lock":
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def holder(folder: Path) -> dict[str, Any] | None:
    """``pid`` and ``url`` of the running `up` of this folder, None when none runs."""
    try:
        file = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _written(os.pread(file, 4096, 0))
    finally:
        os.close(file)
    return None


def _written(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None  # caught in the middle of being written
    return found if isinstance(found, dict) else {"pid": None, "url": None}


def _taken(path: Path) -> str:
    found = _written(path.read_bytes())
    where = f" at {found['url']}" if found.get("url") else ", still starting"
    return (
        f"neurox already runs on this state (pid {found.get('pid') or 'unknown'}{where}). "
        "`neurox down` stops it; --state chooses another folder for a second fleet."
    )
