"""``python -m infra.local.driver``: the GPUs of this machine's own NVIDIA driver, as JSON.

A process of its own: a driver that hangs or crashes must not take the supervisor with it.
"""

import ctypes
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
KERNEL_SIDE = (Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))
"""What only a real driver has: our simulated library brings no kernel module."""
NAME_BYTES = 96


class DriverTrouble(Exception):
    """There is a driver and it does not work; the message says how."""


@dataclass(frozen=True)
class RealGpus:
    """How many, and the model of the first."""

    count: int
    model: str


def find() -> RealGpus | None:
    """None when there is no driver or it has no GPU."""
    if not any(path.exists() for path in KERNEL_SIDE):
        return None
    try:
        nvml = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise DriverTrouble(f"the loader finds no {LIBRARY}: {error}") from None
    _call(nvml, "nvmlInit_v2")
    try:
        return _gpus(nvml)
    finally:
        _call(nvml, "nvmlShutdown")


def _gpus(nvml: ctypes.CDLL) -> RealGpus | None:
    count, device = ctypes.c_uint(), ctypes.c_void_p()
    name = ctypes.create_string_buffer(NAME_BYTES)
    _call(nvml, "nvmlDeviceGetCount_v2", ctypes.byref(count))
    for index in range(count.value):
        try:
            _call(nvml, "nvmlDeviceGetHandleByIndex_v2", index, ctypes.byref(device))
            _call(nvml, "nvmlDeviceGetName", device, name, NAME_BYTES)
        except DriverTrouble:
            continue  # this one is lost; the agent will say so
        return RealGpus(count.value, name.value.decode(errors="replace"))
    return RealGpus(count.value, "unknown") if count.value else None


def _call(nvml: ctypes.CDLL, function: str, *arguments: Any) -> None:
    try:
        code = getattr(nvml, function)(*arguments)
    except AttributeError:
        raise DriverTrouble(f"{LIBRARY} has no {function}; it is too old") from None
    if code != 0:
        raise DriverTrouble(f"{function} answers: {_words(nvml, code)}")


def _words(nvml: ctypes.CDLL, code: int) -> str:
    try:
        said = nvml.nvmlErrorString
    except AttributeError:
        return f"error {code}"
    said.restype = ctypes.c_char_p
    return f"{said(code).decode(errors='replace')} ({code})"


if __name__ == "__main__":
    try:
        gpus = find()
    except DriverTrouble as trouble:
        sys.exit(str(trouble))
    sys.stdout.write(json.dumps(asdict(gpus) if gpus else None) + "\n")
