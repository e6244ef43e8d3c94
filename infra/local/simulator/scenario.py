"""The scenario text of a node: what its NVML answers. Format: docs/reference/scenario.md."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from infra.local.simulator.model import Model, of_product
from infra.local.simulator.objects import Node
from infra.local.simulator.process import Process, fraction

DRIVER, CUDA = "580.95.05", "13.0"
_RESERVED = 0.004
"""Share of the memory that the driver keeps."""


def gpu_uuid(folder: Path, node: str, index: int) -> str:
    """The same for the same cluster folder, node and index, and for no other."""
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'{folder}/{node}/{index}')}"


def text(node: Node, uuids: Sequence[str], processes: Sequence[Process]) -> str:
    """The whole file; GPUs without a process idle."""
    model = of_product(node.product)
    lines = [f"driver = {DRIVER}", f"cuda = {CUDA}"]
    for index, uuid_ in enumerate(uuids):
        mine = [process for process in processes if process.gpu == index]
        lines += ["", f"[gpu {index}]", *_body(model, uuid_, index), *_activity(model, uuid_, mine)]
        lines += [_process_line(model, process) for process in mine]
    return "\n".join(lines) + "\n"


def _body(model: Model, uuid_: str, index: int) -> list[str]:
    return [
        f"uuid = {uuid_}",
        f"model = {model.name}",
        f"architecture = {model.architecture}",
        f"pci_bus_id = 00000000:{0x18 + 8 * index:02X}:00.0",
        f"memory_bytes = {model.memory_bytes}",
        f"reserved_bytes = {int(model.memory_bytes * _RESERVED)}",
        f"power_limit_watts = {model.limit_watts:g}",
        f"sm_clock_max_hertz = {model.sm_hertz:g}",
        f"memory_clock_max_hertz = {model.memory_hertz:g}",
        f"memory_clock_hertz = {model.memory_hertz:g}",
    ]


def _activity(model: Model, uuid_: str, processes: Sequence[Process]) -> list[str]:
    """Utilization, and the power, temperature and clock that go with it."""
    load = min(1.0, sum(process.load for process in processes))
    swing = min(0.12 * load, 1 - load)
    seed = processes[0].seed if processes else fraction(uuid_)
    period, phase = 25 + 65 * seed, 600 * fraction(uuid_, "phase")
    room = (model.limit_watts - model.idle_watts) * 0.92
    warm = 27 + 6 * fraction(uuid_, "warm")
    return [
        f"utilization = {_wave(load, swing, period, phase)}",
        f"memory_utilization = {_wave(load * 0.6, swing * 0.6, period, phase)}",
        f"power_watts = {_wave(model.idle_watts + room * load, room * swing, period, phase)}",
        # Heat follows power a little later.
        f"temperature_celsius = {_wave(warm + 42 * load, 25 * swing, period, phase - 6)}",
        f"sm_clock_hertz = {model.sm_hertz if load else 345e6:g}",
    ]


def _wave(middle: float, swing: float, period: float, phase: float) -> str:
    if swing < 1e-4:
        return f"{middle:.4f}"
    return f"wave {middle:.4f} {swing:.4f} {period:.2f} {phase:.2f}"


def _process_line(model: Model, process: Process) -> str:
    memory = int(model.memory_bytes * process.memory)
    return f"process = {process.pid} {memory} {process.load:.4f}"
