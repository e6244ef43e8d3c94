"""One way to call the driver: by the name of its C function, into memory that is kept."""

import threading
from typing import Any

import pynvml

from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal

Handle = Any

BLANK = frozenset((0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF))
"""What drivers write where they mean "no value"."""

calling: dict[int, str] = {}
"""The function that each thread is in, or was in last: who hangs is told by its name."""


def enter(name: str) -> None:
    """Say which function this thread calls next."""
    calling[threading.get_ident()] = name


def call(name: str, *arguments: Any) -> None:
    """Call a C function; NVMLError when it does not answer success."""
    enter(name)
    code = pynvml._nvmlGetFunctionPointer(name)(*arguments)
    if code:
        raise pynvml.NVMLError(code)


def supported(name: str, errors: Errors, *arguments: Any) -> bool | None:
    """Call a C function: False, it is not supported; None, it failed and is counted.

    GpuLost or DriverUnavailable when it means that.
    """
    try:
        call(name, *arguments)
    except pynvml.NVMLError as error:
        raise_if_fatal(error)
        if error.value in UNSUPPORTED:
            return False
        errors[name, name_of(error.value)] += 1
        return None
    return True
