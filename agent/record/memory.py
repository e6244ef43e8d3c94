"""Memory as text, by the ctypes types of what lies there, with pointers followed."""

import ctypes
from typing import Any, Protocol

from agent.record.text import MemoryText

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


class Cleaner(Protocol):
    """Replaces what must not leave the machine."""

    def clean(self, data: bytes, field: str) -> bytes:
        """As many bytes as were given; ``field`` is a field's name, or else the function's."""


class Handles:
    """Names of opaque pointers: the same pointer has the same name."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def name(self, kind: Any, at: int) -> str:
        """Of the pointer that lies at ``at``; ``""`` for NULL."""
        address = ctypes.c_void_p.from_address(at).value
        if address is None:
            return ""
        number = self._numbers.setdefault(address, len(self._numbers) + 1)
        word = kind._type_.__name__.removeprefix("struct_c_nvml").removesuffix("_t")
        return f"@{word.lower()}{number}"


class MemoryReader:
    """Reads one piece of memory into ``to``.

    Not ``follow``: what pointers lead to may be shorter than its count says, and is left out.
    """

    def __init__(self, to: MemoryText, cleaner: Cleaner, handles: Handles, follow: bool) -> None:
        self._to = to
        self._cleaner = cleaner
        self._handles = handles
        self._follow = follow

    def read(self, kind: Any, at: int, field: str) -> None:
        """A value of the type ``kind`` at the address ``at``."""
        if issubclass(kind, ctypes._Pointer):
            self._pointer(kind, at, field, 1)
        elif issubclass(kind, ctypes.c_char_p | ctypes.c_void_p):
            self._to.put(bytes(_WIDTH), read=False)  # a text of the driver's own
        elif issubclass(kind, ctypes.Structure):
            self._structure(kind, at)
        elif issubclass(kind, ctypes.Array) and issubclass(kind._type_, ctypes.Structure):
            self.read_array(kind._type_, at, kind._length_, field)
        else:
            data = ctypes.string_at(at, ctypes.sizeof(kind))
            self._to.put(self._cleaner.clean(data, field), field in _READ)

    def read_array(self, kind: Any, at: int, count: int, field: str) -> None:
        """As many values of one type."""
        for number in range(count):
            self.read(kind, at + number * ctypes.sizeof(kind), field)

    def _structure(self, kind: Any, at: int) -> None:
        value, done = kind.from_address(at), 0
        for name, part, *_ in kind._fields_:
            begin, size = getattr(kind, name).offset, ctypes.sizeof(part)
            self._gap(at + done, begin - done)
            done = begin + size
            if name not in _COUNTS:
                self.read(part, at + begin, name)
                continue
            count = getattr(value, _COUNTS[name])
            if issubclass(part, ctypes._Pointer):
                self._pointer(part, at + begin, name, count)
            else:
                used = min(count, part._length_)
                self.read_array(part._type_, at + begin, used, name)
                self._to.skip(size - used * ctypes.sizeof(part._type_))
        self._gap(at + done, ctypes.sizeof(kind) - done)

    def _gap(self, at: int, length: int) -> None:
        """Padding, into which drivers with other structures write nonetheless."""
        self._to.put(ctypes.string_at(at, length), read=False)

    def _pointer(self, kind: Any, at: int, field: str, count: int) -> None:
        """The name of a handle, or the ``count`` values that it points to."""
        to = self._to
        if is_handle(kind):
            name = self._handles.name(kind, at)
            if to.question and field not in _READ:
                to.skip(_WIDTH)
            elif name:
                to.token(f"{name}.")
            else:
                to.put(bytes(_WIDTH), read=True)
            return
        address = ctypes.c_void_p.from_address(at).value
        if address is None:
            to.put(bytes(_WIDTH), read=True)
        elif not self._follow:
            to.skip(_WIDTH)
        else:
            inner = MemoryText(to.question)
            there = MemoryReader(inner, self._cleaner, self._handles, True)
            there.read_array(kind._type_, address, count, field)
            to.token(f"&{inner.text()}")


def is_handle(kind: Any) -> bool:
    """Whether a type of pointers leads to something that only the driver knows."""
    inside = kind._type_
    return issubclass(inside, ctypes.Structure) and not getattr(inside, "_fields_", ())
