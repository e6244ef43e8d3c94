"""The scenario of this node: what its NVML answers. Pure; format: docs/reference/scenario.md."""

import hashlib
import uuid
from collections.abc import Sequence

from agent.simulated.node.model import Model
from agent.simulated.node.use import Use

DRIVER, CUDA = "580.95.05", "13.0"
IDLE = "idle"
"""Pods whose names begin so hold their GPUs and do nothing."""
_RESERVED = 0.004
"""Share of the memory that the driver keeps."""


def gpu_uuids(cluster: str, node: str, count: int) -> list[str]:
    """The node's GPUs by index; the same whenever asked for, and no other cluster's."""
    return [
        f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'neurox/simulated/{cluster}/{node}/{index}')}"
        for index in range(count)
    ]


def text(model: Model, uuids: Sequence[str], uses: Sequence[Use]) -> str:
    """The whole file; GPUs without a process do nothing."""
    lines = [f"driver = {DRIVER}", f"cuda = {CUDA}"]
    for index, uuid_ in enumerate(uuids):
        mine = [use for use in uses if use.uuid == uuid_]
        load = max((load_of(use) for use in mine), default=0.0)
        lines += ["", f"[gpu {index}]", *_body(model, uuid_, index)]
        lines += _activity(model, load, fraction(uuid_))
        lines += [f"process = {use.pid} {_memory(model, use)} {load_of(use):.4f}" for use in mine]
    return "\n".join(lines) + "\n"


def load_of(use: Use) -> float:
    """The mean utilization around which a pod works: 0.35 to 0.85, the same for all its GPUs."""
    namespace, name = use.pod
    return 0.0 if name.startswith(IDLE) else 0.35 + 0.5 * fraction(namespace, name, "load")


def fraction(*words: object) -> float:
    """A number from 0 to below 1 that depends on the words alone."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def _memory(model: Model, use: Use) -> int:
    share = 0.2 + 0.7 * fraction(*use.pod, "memory") if load_of(use) else 0.1
    return int(model.memory_bytes * share)


def _body(model: Model, uuid_: str, index: int) -> list[str]:
    return [
        f"uuid = {uuid_}",
        f"model = {model.name}",
        f"architecture = {model.architecture}",
        f"pci_bus_id = 00000000:{0x10 + 8 * index:02X}:00.0",
        f"memory_bytes = {model.memory_bytes}",
        f"reserved_bytes = {int(model.memory_bytes * _RESERVED)}",
        f"power_limit_watts = {model.limit_watts:g}",
        f"sm_clock_max_hertz = {model.sm_hertz:g}",
        f"memory_clock_max_hertz = {model.memory_hertz:g}",
        f"memory_clock_hertz = {model.memory_hertz:g}",
    ]


def _activity(model: Model, load: float, seed: float) -> list[str]:
    """Utilization, and the power, temperature and clock that go with it; ``seed`` varies them."""
    swing, rhythm = 0.12 * load, f"{25 + 65 * seed:.2f} {600 * seed:.2f}"
    room = (model.limit_watts - model.idle_watts) * 0.92
    return [
        f"utilization = wave {load:.4f} {swing:.4f} {rhythm}",
        f"memory_utilization = wave {load * 0.6:.4f} {swing * 0.6:.4f} {rhythm}",
        f"power_watts = wave {model.idle_watts + room * load:.2f} {room * swing:.2f} {rhythm}",
        f"temperature_celsius = wave {27 + 6 * seed + 42 * load:.2f} {25 * swing:.2f} {rhythm}",
        f"sm_clock_hertz = {model.sm_hertz if load else 345e6:g}",
    ]
