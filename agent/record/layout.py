"""The arguments of an NVML call as text, before the call and after it."""

import ctypes
from typing import Any

from agent.record.memory import Cleaner, Handles, MemoryReader, is_handle
from agent.record.text import MemoryText, hexadecimal

_Reference = type(ctypes.byref(ctypes.c_int()))


class Layout:
    """Arguments as text. An opaque pointer is a handle: the same pointer has the same name."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        self._handles = Handles()

    def question(self, function: str, arguments: tuple[Any, ...]) -> str:
        """Handles, numbers, and of the memory what the driver reads."""
        lists = any(argument is None or _is_list(argument) for argument in arguments)
        return " ".join(self._asked(function, argument, lists) for argument in arguments)

    def answer(self, function: str, arguments: tuple[Any, ...], good: bool) -> str:
        """The memory after the call. Not ``good``: lists may be shorter than their counts say."""
        memory = [value for argument in arguments if (value := _referred(argument)) is not None]
        counts = [value.value for value in memory if isinstance(value, ctypes.c_uint)]
        texts = []
        for value in memory:
            if counts and isinstance(value, ctypes.Array):
                texts.append(self._list(function, value, counts[-1] if good else 0))
            else:
                texts.append(self._memory(function, value, False, follow=good))
        return " ".join(texts)

    def _asked(self, function: str, argument: Any, lists: bool) -> str:
        if isinstance(argument, ctypes.c_char_p):
            argument = argument.value
        if argument is None:
            return "-"
        if isinstance(argument, bytes):
            return f"$[{hexadecimal(self._cleaner.clean(argument, function) + bytes(1))}]"
        if (value := _referred(argument)) is not None:
            if lists and isinstance(value, ctypes.c_uint):
                return f"[{hexadecimal(bytes(value))}]"  # the room in the list
            return self._memory(function, value, True, follow=True)
        if isinstance(argument, ctypes._Pointer):
            return self._handles.name(type(argument), ctypes.addressof(argument)) or "-"
        number = getattr(argument, "value", argument)
        wide = isinstance(argument, ctypes.c_ulonglong)  # a time stamp or a set of events
        return "?" if wide else f"={int(number)}"

    def _list(self, function: str, array: Any, count: int) -> str:
        """Twice the count, for some drivers write larger entries than the types say."""
        kind, to = array._type_, MemoryText(question=False)
        used = min(2 * count, array._length_)
        reader = MemoryReader(to, self._cleaner, self._handles, follow=True)
        reader.read_array(kind, ctypes.addressof(array), used, function)
        to.skip((array._length_ - used) * ctypes.sizeof(kind))
        return to.text()

    def _memory(self, function: str, value: Any, question: bool, follow: bool) -> str:
        to = MemoryText(question)
        reader = MemoryReader(to, self._cleaner, self._handles, follow)
        reader.read(type(value), ctypes.addressof(value), function)
        return to.text()


def _referred(argument: Any) -> Any:
    """The object that the callee sees by its address; None for a value or a handle."""
    if isinstance(argument, _Reference):
        return argument._obj  # type: ignore[attr-defined]
    if isinstance(argument, ctypes.Array):
        return argument
    if isinstance(argument, ctypes._Pointer) and argument and not is_handle(type(argument)):
        return argument.contents
    return None


def _is_list(argument: Any) -> bool:
    value = _referred(argument)
    return isinstance(value, ctypes.Array) and issubclass(value._type_, ctypes.Structure)
