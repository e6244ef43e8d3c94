"""Plain GPUs of a scenario, read until something is true of them."""

import threading
import time
from collections.abc import Callable

from agent.devices import Devices
from agent.snapshot import GpuUse

Put = Callable[[str], None]
HEAD = "driver = 580.95.05\n"


def uuid(index: int) -> str:
    return f"GPU-00000000-0000-0000-0000-00000000000{index}"


def one(index: int, more: str = "") -> str:
    return (
        f"[gpu {index}]\nuuid = {uuid(index)}\n"
        f"model = NVIDIA H200\nmemory_bytes = 1000000\nutilization = 0.5\n{more}\n"
    )


def until(devices: Devices, true: Callable[[tuple[GpuUse, ...]], bool]) -> tuple[GpuUse, ...]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        uses = devices.read(time.monotonic())
        if true(uses):
            return uses
        threading.Event().wait(0.02)
    raise AssertionError(uses)


def ups(uses: tuple[GpuUse, ...]) -> list[bool]:
    return [use.gpu.up for use in uses]
