"""One builder at a time: two would compile the same packages twice on the same cores."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL_SECONDS = 0.5


@contextmanager
def building(path: Path, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock at ``path``; ``waiting`` is told once who holds it when it is taken.

    The kernel frees it with the process, so a killed builder leaves nothing to clear away.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        told = False
        while not _taken(file.fileno()):
            if not told:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                waiting(f"Another neurox (process {holder}) is building tools; waiting for it.")
                told = True
            time.sleep(_POLL_SECONDS)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
