"""Whose pods use the GPUs: pid -> cgroup -> pod uid -> names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agent.catalogue import MEMORY_USED, Series, Values
from agent.cgroup import pod_uid
from agent.pods import PodNames
from agent.snapshot import Gpu, PodUse, Process, Usage

POD_MEMORY: Series = ("neurox_pod_gpu_memory_used_bytes", ())
UNATTRIBUTED_MEMORY: Series = ("neurox_gpu_unattributed_memory_bytes", ())
Pod = tuple[str, str]
"""Namespace and name."""
Listed = tuple[Gpu, tuple[Process, ...]]
"""A GPU and who holds memory of it."""


def shares(lists: Iterable[Listed], pods: Mapping[int, Pod], unresolved: int = 0) -> Usage:
    """Memory by pod and GPU; pods plus unattributed is what the device says is used."""
    held: Counter[tuple[str, Pod]] = Counter()
    unattributed: dict[str, Values] = {}
    for gpu, processes in lists:
        uuid, known = gpu.identity.uuid, 0
        for process in processes:
            if pod := pods.get(process.pid):
                held[uuid, pod] += process.memory_bytes or 0
                known += process.memory_bytes or 0
        used = gpu.values.get(MEMORY_USED)
        if used is not None:
            unattributed[uuid] = {UNATTRIBUTED_MEMORY: max(0, int(used) - known)}
    memory = [PodUse(uuid, *pod, {POD_MEMORY: held[uuid, pod]}) for uuid, pod in sorted(held)]
    return Usage(tuple(memory), unattributed, unresolved)


class Attribution:
    """Remembers pids by start time, so that a reused pid never inherits a pod."""

    def __init__(self, proc: Path, names: PodNames) -> None:
        self._proc = proc
        self._names = names
        self._uids: dict[tuple[int, str], str | None] = {}

    def usage(self, lists: Sequence[Listed]) -> Usage:
        """Whose processes these are; a pid that is gone, or of an unknown pod, is unresolved."""
        self._names.refresh()
        pods: dict[int, Pod] = {}
        seen: dict[tuple[int, str], str | None] = {}
        unresolved = 0
        for pid in {process.pid for _, processes in lists for process in processes}:
            try:
                key = (pid, self._started(pid))
                uid = self._uids[key] if key in self._uids else self._uid(pid)
            except (OSError, ValueError):
                unresolved += 1
                continue
            seen[key] = uid
            if uid is None:
                continue
            if name := self._names.of(uid):
                pods[pid] = name
            else:
                unresolved += 1
        self._uids = seen
        return shares(lists, pods, unresolved)

    def _started(self, pid: int) -> str:
        """The process's start time in clock ticks: field 22, after the name in brackets."""
        text = (self._proc / str(pid) / "stat").read_text(errors="replace")
        fields = text.rpartition(")")[2].split()
        if len(fields) < 20:
            raise ValueError(f"/proc/{pid}/stat is cut short")
        return fields[19]

    def _uid(self, pid: int) -> str | None:
        return pod_uid((self._proc / str(pid) / "cgroup").read_text(errors="replace"))
