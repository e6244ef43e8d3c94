"""The processes of running pods: one on each GPU, with a load, memory and a place in /proc."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from infra.local.simulator.allocation import Grants
from infra.local.simulator.objects import Pod

_PID_FIRST, _PID_COUNT = 1000, 4_000_000


@dataclass(frozen=True)
class Process:
    """One process on one GPU; ratios are 0 to 1, ``seed`` too and varies the waves."""

    pid: int
    gpu: int
    pod_uid: str
    container: str
    load: float
    memory: float
    """Share of the GPU's memory."""
    seed: float
    started: int = 1
    """Epoch seconds: of two pods on a GPU, the later one has the greater."""
    clock_event: str = ""
    xid: int = 0

    @property
    def cgroup(self) -> str:
        """The text of its cgroup file, as with systemd and containerd on cgroup v2."""
        uid = self.pod_uid.replace("-", "_")
        container = hashlib.sha256(f"{self.pod_uid}/{self.container}".encode()).hexdigest()
        slices = "/kubepods.slice/kubepods-burstable.slice"
        return f"0::{slices}/kubepods-burstable-pod{uid}.slice/cri-containerd-{container}.scope\n"

    @property
    def stat(self) -> str:
        """The text of its stat file: field 22 is the start time in ticks."""
        zeros = " ".join("0" * 17)
        return f"{self.pid} (python) S 1 {zeros} {int(self.seed * 1e6) + 1} 0 0\n"


def processes(pods: Iterable[Pod], grants: Grants) -> list[Process]:
    """One for each GPU of a running pod, by pid; pids are the same after a restart."""
    taken: dict[int, Process] = {}
    for pod in sorted(pods, key=lambda pod: pod.uid):
        if pod.phase != "Running" or pod.uid not in grants:
            continue
        for container, indexes in grants[pod.uid].containers:
            for gpu in indexes:
                process = _process(pod, container, gpu, taken)
                if gpu == min(grants[pod.uid].indexes):
                    process = replace(process, clock_event=pod.clock_event, xid=pod.xid)
                taken[process.pid] = process
    return [taken[pid] for pid in sorted(taken)]


def load(pod: Pod) -> float:
    """The mean utilization around which a pod works: its annotation, else varied, some idle."""
    if pod.load is not None:
        return pod.load
    chance = fraction(pod.name, "load")
    return 0.0 if chance < 0.12 else 0.35 + 0.62 * (chance - 0.12) / 0.88


def fraction(*words: object) -> float:
    """A number from 0 to below 1 that depends on the words alone."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _process(pod: Pod, container: str, gpu: int, taken: dict[int, Process]) -> Process:
    seed = fraction(pod.uid, container, gpu)
    pid = _PID_FIRST + int(seed * _PID_COUNT)
    while pid in taken:
        pid += 1
    mean = load(pod)
    memory = 0.2 + 0.7 * fraction(pod.name, "memory") if mean else 0.1
    return Process(pid, gpu, pod.uid, container, mean, memory, seed, _started(pod))


def _started(pod: Pod) -> int:
    return int(datetime.fromisoformat(pod.created).timestamp()) if pod.created else 1
