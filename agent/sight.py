"""Whether the processes on GPUs can be seen from here; where not, nothing is told of them."""

import logging
import math
import re
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

LOOK_SECONDS = 10.0
"""Somebody may mount /proc anew."""
_NOTHING = "no series of processes, and shared GPUs are not told apart"
SWITCHED_OFF = (
    f"the driver hides processes from this pid namespace: {_NOTHING}; see the chart value "
    "agent.hostPID"
)
OTHER_NAMESPACE = (
    "this pid namespace is not the host's, and the driver has listed no process in it: until it "
    f"does, {_NOTHING}; see the chart value agent.hostPID"
)
_HOSTS_NAMESPACE = 0xEFFFFFFC
"""The inode of the first pid namespace, in every kernel since Linux 3.8."""


class Sight:
    """``reason`` says why processes cannot be seen; None: they can.

    ``proc`` is None where that was switched off. Not ``sure``: the driver shows what is in the
    agent's pid namespace, so nothing listed proves nothing, and one process listed proves all. Such
    is a container without the host's pids, and also a node that is itself a container.
    """

    def __init__(self, proc: Path | None, sure: bool = True) -> None:
        self.proc = proc
        self._sure = sure
        self._looked_at = -math.inf
        self._hidepid = hidepid(proc) if proc else None
        self._said: str | None = None
        if proc is None or self._hidepid:
            self._say()

    @property
    def reason(self) -> str | None:
        """As of the last look."""
        if self.proc is None:
            return SWITCHED_OFF
        if self._hidepid:
            return f"{self.proc} is mounted with hidepid={self._hidepid}: {_NOTHING}"
        return None if self._sure else OTHER_NAMESPACE

    def look(self, pids: Iterable[int], now: float) -> None:
        """``pids`` are what the driver lists at ``now``, monotonic seconds."""
        if self.proc is None:
            return
        self._sure = self._sure or any(exists(self.proc, pid) for pid in pids)
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at, self._hidepid = now, hidepid(self.proc)
        self._say()

    def _say(self) -> None:
        reason, before = self.reason, self._said
        self._said = reason
        if reason and reason != before:
            log.warning(reason)
        elif before and not reason:
            log.info("processes can be seen")


def exists(proc: Path, pid: int) -> bool:
    """Whether the tree has the process; what may not be looked at counts as absent."""
    try:
        return (proc / str(pid)).exists()
    except OSError:
        return False


def in_hosts_namespace() -> bool:
    """Whether the agent is in the first pid namespace, in which all processes are."""
    try:
        return Path("/proc/self/ns/pid").stat().st_ino == _HOSTS_NAMESPACE
    except OSError:
        return False


def hidepid(proc: Path) -> str | None:
    """The option by which others' processes are hidden in ``proc``; None: they are not.

    The option alone is no sign: it spares a group, and those who may trace any process.
    """
    try:
        (proc / "1" / "stat").read_bytes()
        return None
    except OSError:
        option = re.search(r"\bhidepid=(\w+)", _options(proc))
    return None if option is None or option[1] in ("0", "off") else option[1]


def _options(proc: Path) -> str:
    """Those of the mount; ``""`` where ``proc`` is no mount of its own, as a tree made by hand."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return ""
    for line in reversed(lines):  # the last one lies on top
        mount, _, kind = line.partition(" - ")
        if mount.split()[4] == str(proc) and kind.startswith("proc "):
            return kind
    return ""
