"""Which HPC jobs run on which GPU, from a folder in dcgm-exporter's format.

A file is named by a GPU's index, or ``INDEX.INSTANCE`` under MIG, and has one job id a line. The
scheduler's prolog and epilog write and remove them.
"""

import errno
import logging
import os
import re
import stat
import threading
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from agent.catalogue import Series

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
JOB_INFO = "neurox_gpu_job_info"
_NAME = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)
_FILES_MAX, _BYTES_MAX, _JOBS_MAX, _LETTERS_MAX = 1024, 65536, 100, 256
_ALL_JOBS_MAX = 4096
"""Of the folder: 16 GPUs in 7 instances each, with 36 jobs on each of these."""

Jobs = Mapping[int, Mapping[Series, float]]
"""The info series by GPU index."""


class JobMap:
    """``jobs`` is replaced at each look, never changed. Its own thread reads, for disks hang."""

    def __init__(self, folder: Path) -> None:
        self.jobs: Jobs = {}
        self._folder = folder
        self._said: frozenset[str] = frozenset()

    def run(self, stop: threading.Event) -> None:
        """Look until ``stop``."""
        while not stop.is_set():
            self.look()
            stop.wait(POLL_SECONDS)

    def look(self) -> None:
        """Read the folder once; of what cannot be read, no job is known."""
        found: dict[int, dict[Series, float]] = {}
        wrong, left = [], _ALL_JOBS_MAX
        try:
            for path, gpu, instance in _named(self._folder):
                try:
                    jobs = _jobs(path)
                except _Unusable as error:
                    wrong.append(f"{path.name}: {error}")
                    continue
                if (left := left - len(jobs)) < 0:
                    told = f"with its jobs there are more than {_ALL_JOBS_MAX}"
                    wrong.append(f"{path.name}: {told}; it and files of later GPUs are left out")
                    break
                if jobs:
                    found.setdefault(gpu, {}).update({(JOB_INFO, (instance, j)): 1 for j in jobs})
        except OSError as error:
            found, wrong = {}, [str(error.strerror)]
        self.jobs = found
        self._say(frozenset(wrong))

    def _say(self, wrong: frozenset[str]) -> None:
        """Each thing that is wrong once, and again only after it was right."""
        for one in sorted(wrong - self._said):
            log.warning("NEUROX_AGENT_JOB_MAP=%s: %s", self._folder, one)
        self._said = wrong


class _Unusable(Exception):
    """A file that tells no jobs; the message says why."""


def _named(folder: Path) -> Iterable[tuple[Path, int, str]]:
    """Files that are named as GPUs are, with the GPU's index and its instance, in their order."""
    named = ((path, _NAME.fullmatch(path.name)) for path in folder.iterdir())
    found = ((path, int(match[1]), match[2] or "") for path, match in named if match)
    return sorted(islice(found, _FILES_MAX), key=lambda one: (one[1], int(one[2] or 0)))


def _jobs(path: Path) -> list[str]:
    """An epilog may take the file away meanwhile."""
    try:
        text = _read(path).decode(errors="replace")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise _Unusable(str(error.strerror)) from error
    jobs = [job for line in text.splitlines() if (job := line.strip())]
    if len(jobs) > _JOBS_MAX:
        raise _Unusable(f"{len(jobs)} jobs, and no GPU has more than {_JOBS_MAX}")
    if (longest := max(map(len, jobs), default=0)) > _LETTERS_MAX:
        raise _Unusable(f"a job of {longest} letters, and none has more than {_LETTERS_MAX}")
    return jobs


def _read(path: Path) -> bytes:
    """Regular files of the folder only: a link leads out of it, and a device has no end."""
    # Should it have become a pipe, this does not wait for a writer.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(path, "rb", opener=lambda at, _: os.open(at, flags)) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _Unusable("is no regular file")
            text = file.read(_BYTES_MAX + 1)
    except IsADirectoryError as error:
        raise _Unusable("is no regular file") from error
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _Unusable("is a symbolic link, and none is followed") from error
        raise
    if len(text) > _BYTES_MAX:
        raise _Unusable(f"larger than {_BYTES_MAX} bytes")
    return text
