"""One way to call the driver: by the name of its C function, into memory that is kept."""

import ctypes
import threading
from typing import Any

import pynvml

from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal

Handle = Any

BLANK = frozenset((0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF))
"""What drivers write where they mean "no value"."""

PLAUSIBLE = (1 << 63) - 1
"""No counter of a driver comes near its end: a greater one would stay in the totals for ever."""

calling: dict[int, str] = {}
"""The function that each thread is in, or was in last: who hangs is told by its name."""


def plain(kind: Any) -> Any:
    """The same structure without pynvml's reading of texts, which makes every field slow."""
    fields = [(name, _plain_part(part)) for name, part in kind._fields_]
    return type(kind.__name__, (ctypes.Structure,), {"_fields_": fields})


def _plain_part(part: Any) -> Any:
    of_structures = issubclass(part, ctypes.Array) and issubclass(part._type_, ctypes.Structure)
    return plain(part._type_) * part._length_ if of_structures else part


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
