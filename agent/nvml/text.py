"""Texts of a driver."""

from collections.abc import Callable

import pynvml

from agent.nvml.errors import raise_if_fatal
from agent.nvml.library import Handle, enter


def text(ask: Callable[[Handle], object], handle: Handle) -> str:
    """What a function of pynvml answers; empty where it is not supported or fails."""
    enter(ask.__name__)
    try:
        value = ask(handle)
    except pynvml.NVMLError as error:
        raise_if_fatal(error)
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
