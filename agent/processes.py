"""Which pod's uid a process carries, by its cgroup; remembered by pid and start time."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.cgroup import pod_uid

_MPS_SERVER = "nvidia-cuda-mps"
"""A process's name as the kernel keeps it: its first 15 letters."""


@dataclass(frozen=True)
class Origin:
    """What /proc says of a process. ``uid`` is None for one of the host."""

    started: str
    """In clock ticks since boot."""
    uid: str | None
    mps_server: bool = False


class Processes:
    """Reads each process once; a pid whose start time changed is another process."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._known: dict[int, Origin | None] = {}

    def renew(self, pids: Iterable[int]) -> bool:
        """A fresh list has come: check start times; whether any of them is another process."""
        changed = False
        for pid in pids:
            known = self._known.get(pid)
            found = self._known[pid] = self._read(pid, known)
            changed = changed or found is not known
        return changed

    def others(self, pids: Iterable[int]) -> list[int]:
        """Those that are new, or another process than before.

        One that is gone stays what it was: the last that the driver tells of it was its own.
        """
        found = []
        for pid in pids:
            known = self._known.get(pid)
            process = self._read(pid, known)
            if process is not None and process is not known:
                self._known[pid] = process
                found.append(pid)
        return found

    def forget(self, others: Container[int]) -> None:
        """Keep only these pids."""
        self._known = {pid: origin for pid, origin in self._known.items() if pid in others}

    def of(self, pid: int) -> Origin | None:
        """The process; None when it is gone."""
        if pid not in self._known:
            self._known[pid] = self._read(pid, None)
        return self._known[pid]

    def _read(self, pid: int, known: Origin | None) -> Origin | None:
        home = self._proc / str(pid)
        try:
            name, started = _stat((home / "stat").read_text(errors="replace"))
            if known is not None and known.started == started:
                return known
            uid = pod_uid((home / "cgroup").read_text(errors="replace"))
        except (OSError, ValueError):
            return None
        return Origin(started, uid, name.startswith(_MPS_SERVER))


def _stat(text: str) -> tuple[str, str]:
    """Name and start time: field 22, counted after the name, which stands in brackets."""
    head, _, tail = text.rpartition(")")
    fields = tail.split()
    if len(fields) < 20:
        raise ValueError("the process's stat is cut short")
    return head.partition("(")[2], fields[19]
