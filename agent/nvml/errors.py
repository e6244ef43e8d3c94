"""What can go wrong with a driver or a GPU, and which of NVML's codes say so."""

from collections import Counter
from typing import Any

import pynvml

LOST = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
UNSUPPORTED = (
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_DEPRECATED,
)
"""Answers that stay the same until another driver is loaded."""
_GONE = (pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)
_NAMES = {
    getattr(pynvml, name): name.removeprefix("NVML_ERROR_").lower()
    for name in dir(pynvml)
    if name.startswith("NVML_ERROR_")
}

Errors = Counter[tuple[str, str]]
"""Failed calls by call and error."""


class DriverUnavailable(Exception):
    """There is no working driver; the message says what is missing."""


class GpuLost(Exception):
    """The GPU fell off the bus or waits for a reset. ``error`` is the name of the code."""

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


def name_of(code: int) -> str:
    """A code's stable name, as a label's value; one that nobody knows is ``unknown``."""
    return _NAMES.get(code, "unknown")


def raise_if_fatal(error: Any) -> None:
    """Raise DriverUnavailable or GpuLost when an NVMLError means that; else return."""
    if error.value in _GONE:
        raise DriverUnavailable(f"the driver is gone: {error}") from error
    if error.value in LOST:
        raise GpuLost(str(error), name_of(error.value)) from error
