"""The scenario of this node: what its NVML answers. Pure; format: docs/reference/scenario.md."""

import hashlib
import uuid
from collections.abc import Sequence

from agent.simulated.node.use import Use
from agent.simulated.profile import Profile

DRIVER, CUDA = "580.95.05", "13.0"
IDLE = "idle"
"""Pods whose names begin so hold their GPUs and do nothing."""


def gpu_uuids(cluster: str, node: str, count: int) -> list[str]:
    """The node's GPUs by index; the same whenever asked for, and no other cluster's."""
    return [
        f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'neurox/simulated/{cluster}/{node}/{index}')}"
        for index in range(count)
    ]


def text(model: Profile, uuids: Sequence[str], uses: Sequence[Use]) -> str:
    """The whole file; GPUs without a process do nothing, as their profile says."""
    lines = [f"driver = {DRIVER}", f"cuda = {CUDA}"]
    for index, uuid_ in enumerate(uuids):
        mine = [use for use in uses if use.uuid == uuid_]
        lines += ["", f"[gpu {index}]", f"profile = {model.name}", f"uuid = {uuid_}"]
        lines += [f"utilization = {_wave(load_of(use), fraction(uuid_))}" for use in mine[:1]]
        memory = [_memory(model, use) // len(mine) for use in mine]  # together they fit
        lines += [
            f"process = {use.pid} {held} {load_of(use):.4f}"
            for use, held in zip(mine, memory, strict=True)
        ]
    return "\n".join(lines) + "\n"


def load_of(use: Use) -> float:
    """The mean utilization around which a pod works: 0.35 to 0.85, the same for all its GPUs."""
    namespace, name = use.pod
    return 0.0 if name.startswith(IDLE) else 0.35 + 0.5 * fraction(namespace, name, "load")


def fraction(*words: object) -> float:
    """A number from 0 to below 1 that depends on the words alone."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _memory(model: Profile, use: Use) -> int:
    share = 0.2 + 0.7 * fraction(*use.pod, "memory") if load_of(use) else 0.1
    return int(model.memory_bytes * share)


def _wave(load: float, seed: float) -> str:
    return f"wave {load:.4f} {0.12 * load:.4f} {25 + 65 * seed:.2f} {600 * seed:.2f}"
