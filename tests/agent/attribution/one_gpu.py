"""A node with one GPU: who was given it, who runs on it, and what is then told of it."""

import itertools
from collections.abc import Mapping
from pathlib import Path

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.catalogue import BUSY_SECONDS, ENERGY, MEMORY_USED, POWER, Series
from agent.deviceid import Device
from agent.pods import PodNames
from agent.sight import Sight
from agent.snapshot import Gpu, GpuUse, Identity, Process, Usage

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
OTHER = "99999999-9999-4999-9999-999999999999"
TRAIN, SERVE = ("vision", "train-0"), ("vision", "serve-0")


def gpu(**values: float) -> Gpu:
    names = {"used": MEMORY_USED, "busy": BUSY_SECONDS, "joules": ENERGY, "watts": POWER}
    return Gpu(Identity(0, uuid="GPU-1", minor="0"), True, {names[k]: v for k, v in values.items()})


def put_process(proc: Path, pid: int, cgroup: str, started: int = 5, name: str = "a ) b") -> None:
    (proc / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "cgroup").write_text(f"0::{cgroup}\n")
    zeros = " ".join("0" * 17)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S 1 {zeros} {started} 0\n")


WHOLE, REPLICA = Device("GPU-1"), Device("GPU-1", replica=True)


def grant(pod: tuple[str, str], device: Device = WHOLE) -> Grant:
    return Grant(*pod, "main", "nvidia.com/gpu", device)


TWO = (grant(TRAIN, REPLICA), grant(SERVE, REPLICA))


class Node:
    """One GPU's node: 7 is train's process, 8 is serve's, 9 is the host's."""

    def __init__(self, folder: Path, hidden: bool = False) -> None:
        self.proc, self.logs = folder / "proc", folder / "pods"
        put_process(self.proc, 7, f"/kubepods/pod{UID}/{'ab' * 32}")
        put_process(self.proc, 8, f"/kubepods/pod{OTHER}/{'ab' * 32}")
        put_process(self.proc, 9, "/system.slice/sshd.service")
        for uid, (namespace, name) in ((UID, TRAIN), (OTHER, SERVE)):
            (self.logs / f"{namespace}_{name}_{uid}").mkdir(parents=True)
        names = PodNames(self.logs)
        self.attribution = Attribution(Sight(None if hidden else self.proc), names)
        self._seconds = itertools.count()

    def passed(
        self,
        gpu: Gpu,
        processes: tuple[Process, ...] | None = (),
        grants: tuple[Grant, ...] = (),
        activity: Mapping[int, float] | None = None,
        utilization: float | None = None,
    ) -> Usage:
        use = GpuUse(gpu, processes, activity, utilization)
        return self.attribution.usage([use], grants, float(next(self._seconds)))


def of(usage: Usage, pod: tuple[str, str], series: Series) -> float | None:
    found = [use for use in usage.pods if (use.namespace, use.pod) == pod]
    return found[0].values.get(series) if found else None


def rest(usage: Usage, series: Series) -> float:
    return usage.gpus["GPU-1"][series]
