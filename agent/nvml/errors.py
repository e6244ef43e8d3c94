"""What can go wrong with a driver or a GPU, and which of NVML's codes say so."""

from collections import Counter
from typing import Any

import pynvml

LOST = (pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_RESET_REQUIRED)
_UNSUPPORTED = (pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
_GONE = (pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED)


class DriverUnavailable(Exception):
    """There is no working driver; the message says what is missing."""


class GpuLost(Exception):
    """The GPU fell off the bus or waits for a reset."""


def raise_if_fatal(error: Any) -> None:
    """Raise DriverUnavailable or GpuLost when an NVMLError means that; else return."""
    if error.value in _GONE:
        raise DriverUnavailable(f"the driver is gone: {error}") from error
    if error.value in LOST:
        raise GpuLost(str(error)) from error


class Attempt:
    """One call of many: its failure leaves values out, counts, and never stops the others."""

    def __init__(self, call: str, errors: Counter[tuple[str, str]]) -> None:
        self._call = call
        self._errors = errors

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> bool:
        if not isinstance(error, pynvml.NVMLError):
            return False
        raise_if_fatal(error)
        if error.value not in _UNSUPPORTED:
            self._errors[self._call, str(error)] += 1
        return True
