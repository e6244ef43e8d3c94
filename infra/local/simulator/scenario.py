"""The scenario text of a node: what its NVML answers. Format: docs/reference/scenario.md."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from infra.local.simulator.model import Model
from infra.local.simulator.process import Process, fraction

DRIVER, CUDA = "580.95.05", "13.0"


def gpu_uuid(folder: Path, node: str, index: int) -> str:
    """The same for the same cluster folder, node and index, and for no other."""
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'{folder}/{node}/{index}')}"


def text(model: Model, uuids: Sequence[str], processes: Sequence[Process]) -> str:
    """The whole file; GPUs without a process idle. What follows from load is the profile's."""
    lines = [f"driver = {DRIVER}", f"cuda = {CUDA}"]
    for index, uuid_ in enumerate(uuids):
        mine = [process for process in processes if process.gpu == index]
        lines += ["", f"[gpu {index}]", f"profile = {model.profile}", f"uuid = {uuid_}"]
        lines += [f"model = {model.name}"] if model.name else []
        lines += [f"utilization = {_wave(uuid_, process)}" for process in mine[:1]]
        lines += [line for process in mine for line in _process(model, process, len(mine))]
    return "\n".join(lines) + "\n"


def _wave(uuid_: str, process: Process) -> str:
    """Work that swings around the process's load, and never beyond all of the time."""
    load, swing = process.load, min(0.12 * process.load, 1 - process.load)
    if swing < 1e-4:
        return f"{load:.4f}"
    return f"wave {load:.4f} {swing:.4f} {25 + 65 * process.seed:.2f} {600 * fraction(uuid_):.2f}"


def _process(model: Model, process: Process, on_gpu: int) -> list[str]:
    """One of ``on_gpu`` processes: together they fit."""
    memory = int(model.memory_bytes * process.memory / on_gpu)
    lines = [f"process = {process.pid} {memory} {process.load:.4f}"]
    if process.clock_event:
        lines.append(f"clock_event = {process.clock_event}")
    if process.xid:
        lines.append(f"xid = {process.started} {process.xid}")
    return lines
