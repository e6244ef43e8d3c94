"""Which HPC jobs run on which GPU, from a folder in dcgm-exporter's format.

A file is named by a GPU's index, or ``INDEX.INSTANCE`` under MIG, and has one job id a line. The
scheduler's prolog and epilog write and remove them.
"""

import logging
import re
import threading
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from agent.catalogue import Series

log = logging.getLogger(__name__)

POLL_SECONDS = 5.0
JOB_INFO = "neurox_gpu_job_info"
_NAME = re.compile(r"(\d{1,3})(?:\.(\d{1,3}))?")
_FILES_MAX, _BYTES_MAX, _JOBS_MAX = 1024, 65536, 100

Jobs = Mapping[int, Mapping[Series, float]]
"""The info series by GPU index."""


class JobMap:
    """``jobs`` is replaced at each look, never changed. Its own thread reads, for disks hang."""

    def __init__(self, folder: Path) -> None:
        self.jobs: Jobs = {}
        self._folder = folder
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Look until ``stop``."""
        while not stop.is_set():
            self.look()
            stop.wait(POLL_SECONDS)

    def look(self) -> None:
        """Read the folder once; one that cannot be read means that no job is known."""
        try:
            self.jobs = _read(self._folder)
        except OSError as error:
            if not self._failing:
                log.warning("NEUROX_AGENT_JOB_MAP=%s: %s", self._folder, error.strerror)
            self.jobs, self._failing = {}, True
        else:
            self._failing = False


def _read(folder: Path) -> Jobs:
    found: dict[int, dict[Series, float]] = {}
    for path in islice(folder.iterdir(), _FILES_MAX):
        if not (match := _NAME.fullmatch(path.name)):
            continue
        for job in _jobs(path):
            found.setdefault(int(match[1]), {})[JOB_INFO, (match[2] or "", job)] = 1
    return found


def _jobs(path: Path) -> list[str]:
    """An epilog may take the file away meanwhile."""
    try:
        with path.open("rb") as file:
            text = file.read(_BYTES_MAX).decode(errors="replace")
    except OSError:
        return []
    return [job for line in text.splitlines() if (job := line.strip())][:_JOBS_MAX]
