"""Texts of a driver."""

import threading
from collections.abc import Callable

import pynvml

from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal
from agent.nvml.library import Handle, calling, enter


def decoded(ask: Callable[..., object], *arguments: Handle) -> str:
    """What a function of pynvml answers, which raises where a text is not UTF-8."""
    enter(ask.__name__)
    try:
        value = ask(*arguments)
    except UnicodeDecodeError as error:
        value = error.object
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def text(ask: Callable[[Handle], object], handle: Handle, errors: Errors) -> str:
    """What a function of pynvml answers; empty where it is not supported, or failed: an error."""
    try:
        return decoded(ask, handle)
    except pynvml.NVMLError as error:
        raise_if_fatal(error)
        if error.value not in UNSUPPORTED:
            errors[calling[threading.get_ident()], name_of(error.value)] += 1
        return ""
