"""Which real process uses which GPU: pods that hold GPUs, and the first process of each."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.allocations import Grant
from agent.cgroup import pod_uid
from agent.pods import Pod, PodNames

_SANDBOX = "pause"
"""What runs in the container that keeps a pod's network; it is no work of the pod's."""


@dataclass(frozen=True)
class Use:
    """One process on one GPU."""

    uuid: str
    pod: Pod
    pid: int


def uses(held: Iterable[Grant], pids: Mapping[Pod, int]) -> list[Use]:
    """A pod that does not run yet, or no longer, uses nothing of what it holds."""
    found = {
        Use(one.device.uuid, pod, pids[pod])
        for one in held
        if (pod := (one.namespace, one.pod)) in pids
    }
    return sorted(found, key=lambda use: (use.uuid, use.pid))


def first_pids(proc: Path, names: PodNames, pods: Collection[Pod]) -> dict[Pod, int]:
    """The lowest pid of each of ``pods``: what its container was started with."""
    found: dict[Pod, int] = {}
    if not pods:
        return found
    for pid in sorted(int(path.name) for path in proc.iterdir() if path.name.isdecimal()):
        home = proc / str(pid)
        try:
            uid = pod_uid((home / "cgroup").read_text(errors="replace"))
            pod = names.of(uid) if uid else None
            if pod is None or pod not in pods or pod in found:
                continue
            if (home / "comm").read_text(errors="replace").strip() != _SANDBOX:
                found[pod] = pid
        except OSError:  # It has ended meanwhile.
            continue
    return found
