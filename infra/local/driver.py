"""``python -m infra.local.driver``: the GPUs of this machine's own NVIDIA driver, as JSON.

A process of its own: a driver that hangs or crashes must not take the supervisor with it.
"""

import ctypes
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

LIBRARY = "libnvidia-ml.so.1"
KERNEL_SIDE = (Path("/proc/driver/nvidia/version"), Path("/dev/dxg"))
"""What only a real driver has: our simulated library brings no kernel module."""
NAME_BYTES = 96


@dataclass(frozen=True)
class RealGpus:
    """How many, and the model of the first."""

    count: int
    model: str


def find() -> RealGpus | None:
    """None when there is no driver or it sees no GPU."""
    if not any(path.exists() for path in KERNEL_SIDE):
        return None
    try:
        nvml = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        count = ctypes.c_uint()
        if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0 or count.value == 0:
            return None
        device, name = ctypes.c_void_p(), ctypes.create_string_buffer(NAME_BYTES)
        first = nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(device))
        named = first == 0 and nvml.nvmlDeviceGetName(device, name, NAME_BYTES) == 0
        return RealGpus(count.value, name.value.decode(errors="replace") if named else "unknown")
    finally:
        nvml.nvmlShutdown()


if __name__ == "__main__":
    gpus = find()
    sys.stdout.write(json.dumps(asdict(gpus) if gpus else None) + "\n")
