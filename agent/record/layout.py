"""What the arguments of an NVML call hold, by their ctypes types, with pointers followed."""

import ctypes
from typing import Any, Protocol

from agent.record.text import MemoryText, hexadecimal

_READ = frozenset(
    (
        *("version", "fieldId", "scopeId", "sensorType", "fan", "mode"),
        *("metricId", "numMetrics", "sample1", "sample2"),
        *("processSamplesCount", "numProcArrayEntries"),
    )
)
"""Fields that the driver reads, which NVML's types do not tell. Time stamps are left out on
purpose: no two questions would be alike."""
_COUNTS = {
    "procUtilArray": "processSamplesCount",
    "procArray": "numProcArrayEntries",
    "metrics": "numMetrics",
}
"""Arrays in a structure, and the field that tells how much of each is in use."""
_WIDTH = ctypes.sizeof(ctypes.c_void_p)
_Reference = type(ctypes.byref(ctypes.c_int()))


class Cleaner(Protocol):
    """Replaces what must not leave the machine."""

    def clean(self, data: bytes, field: str) -> bytes:
        """As many bytes as were given; ``field`` is a field's name, or else the function's."""


class Layout:
    """Arguments as text. An opaque pointer is a handle: the same pointer has the same name."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner
        self._handles: dict[int, int] = {}

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
            return self._handle(type(argument), ctypes.addressof(argument)) or "-"
        number = getattr(argument, "value", argument)
        wide = isinstance(argument, ctypes.c_ulonglong)  # a time stamp or a set of events
        return "?" if wide else f"={int(number)}"

    def _list(self, function: str, array: Any, count: int) -> str:
        """Twice the count, for some drivers write larger entries than the types say."""
        kind, to = array._type_, MemoryText(question=False)
        used = min(2 * count, array._length_)
        self._array(to, kind, ctypes.addressof(array), used, function, True)
        to.skip((array._length_ - used) * ctypes.sizeof(kind))
        return to.text()

    def _memory(self, function: str, value: Any, question: bool, follow: bool) -> str:
        to = MemoryText(question)
        self._walk(to, type(value), ctypes.addressof(value), function, follow)
        return to.text()

    def _walk(self, to: MemoryText, kind: Any, at: int, field: str, follow: bool) -> None:
        if issubclass(kind, ctypes._Pointer):
            self._pointer(to, kind, at, field, 1 if follow else None)
        elif issubclass(kind, ctypes.c_char_p | ctypes.c_void_p):
            to.put(bytes(_WIDTH), read=False)  # a text of the driver's own
        elif issubclass(kind, ctypes.Structure):
            self._structure(to, kind, at, follow)
        elif issubclass(kind, ctypes.Array) and issubclass(kind._type_, ctypes.Structure):
            self._array(to, kind._type_, at, kind._length_, field, follow)
        else:
            data = ctypes.string_at(at, ctypes.sizeof(kind))
            to.put(self._cleaner.clean(data, field), field in _READ)

    def _array(
        self, to: MemoryText, kind: Any, at: int, count: int, field: str, follow: bool
    ) -> None:
        for number in range(count):
            self._walk(to, kind, at + number * ctypes.sizeof(kind), field, follow)

    def _structure(self, to: MemoryText, kind: Any, at: int, follow: bool) -> None:
        value, done = kind.from_address(at), 0
        for name, part, *_ in kind._fields_:
            begin, size = getattr(kind, name).offset, ctypes.sizeof(part)
            self._gap(to, at + done, begin - done)
            done = begin + size
            if name not in _COUNTS:
                self._walk(to, part, at + begin, name, follow)
                continue
            count = getattr(value, _COUNTS[name])
            if issubclass(part, ctypes._Pointer):
                self._pointer(to, part, at + begin, name, count if follow else None)
            else:
                used = min(count, part._length_)
                self._array(to, part._type_, at + begin, used, name, follow)
                to.skip(size - used * ctypes.sizeof(part._type_))
        self._gap(to, at + done, ctypes.sizeof(kind) - done)

    def _gap(self, to: MemoryText, at: int, length: int) -> None:
        """Padding, into which drivers with other structures write nonetheless."""
        to.put(ctypes.string_at(at, length), read=False)

    def _pointer(self, to: MemoryText, kind: Any, at: int, field: str, count: int | None) -> None:
        """What it points to, ``count`` of them; None: that is not followed."""
        address = ctypes.c_void_p.from_address(at).value
        if _is_handle(kind):
            name = self._handle(kind, at)
            if to.question and field not in _READ:
                to.skip(_WIDTH)
            elif name:
                to.token(f"{name}.")
            else:
                to.put(bytes(_WIDTH), read=True)
        elif address is None:
            to.put(bytes(_WIDTH), read=True)
        elif count is None:
            to.skip(_WIDTH)
        else:
            inner = MemoryText(to.question)
            self._array(inner, kind._type_, address, count, field, True)
            to.token(f"&{inner.text()}")

    def _handle(self, kind: Any, at: int) -> str:
        address = ctypes.c_void_p.from_address(at).value
        if address is None:
            return ""
        number = self._handles.setdefault(address, len(self._handles) + 1)
        word = kind._type_.__name__.removeprefix("struct_c_nvml").removesuffix("_t")
        return f"@{word.lower()}{number}"


def _referred(argument: Any) -> Any:
    """The object that the callee sees by its address; None for a value or a handle."""
    if isinstance(argument, _Reference):
        return argument._obj  # type: ignore[attr-defined]
    if isinstance(argument, ctypes.Array):
        return argument
    if isinstance(argument, ctypes._Pointer) and argument and not _is_handle(type(argument)):
        return argument.contents
    return None


def _is_list(argument: Any) -> bool:
    value = _referred(argument)
    return isinstance(value, ctypes.Array) and issubclass(value._type_, ctypes.Structure)


def _is_handle(kind: Any) -> bool:
    inside = kind._type_
    return issubclass(inside, ctypes.Structure) and not getattr(inside, "_fields_", ())
