"""Who holds memory of a GPU, out of lists whose entries differ in size between drivers."""

import ctypes
import struct
from collections.abc import Callable, Iterable, Sequence
from ctypes import byref, c_uint
from typing import Any

import pynvml

from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal
from agent.nvml.library import Handle, call
from agent.snapshot import Process

COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3"
MPS = "nvmlDeviceGetMPSComputeRunningProcesses_v3"
GRAPHICS = "nvmlDeviceGetGraphicsRunningProcesses_v3"
ENTRIES_MAX = 4096
_ROOM_FIRST = 64
_STRIDES = (24, 32, 16)
"""Bytes of an entry: R510 and newer, R535.43 to before R535.86, and one report of older ones."""
_HEAD = struct.Struct("=I4xQ")
_UNKNOWN = 0xFFFFFFFFFFFFFFFF
_PID_MAX = 1 << 22

Entries = list[tuple[int, int]]
"""Pids and bytes."""


class ProcessLists:
    """The lists of one GPU. ``exists`` tells whether a pid is in the agent's process tree."""

    def __init__(self, exists: Callable[[int], bool]) -> None:
        self._exists = exists
        self._stride: int | None = None
        self._never: set[str] = set()
        self._make_room(_ROOM_FIRST)

    def read(
        self,
        handles: Iterable[tuple[Handle, int | None]],
        memory: float,
        graphics: bool,
        errors: Errors,
    ) -> tuple[Process, ...] | None:
        """Of the GPU, or of its MIG devices with their GPU instances; None: not told."""
        found: dict[int, Process] = {}
        for handle, gi in handles:
            entries = self._list(COMPUTE, handle, memory, errors)
            if entries is None:
                return None
            self._add(found, entries, "compute", gi)
            if entries:  # clients of the MPS server are on both lists
                self._add(found, self._list(MPS, handle, memory, errors), "mps", gi)
            if graphics:
                drawing = self._list(GRAPHICS, handle, memory, errors) or []
                new = [entry for entry in drawing if entry[0] not in found]
                self._add(found, new, "graphics", gi)
        return tuple(found.values())

    def _add(
        self, to: dict[int, Process], entries: Entries | None, kind: str, gi: int | None
    ) -> None:
        for pid, held in entries or ():
            to[pid] = Process(pid, None if held == _UNKNOWN else held, kind, gi)

    def _list(self, name: str, handle: Handle, memory: float, errors: Errors) -> Entries | None:
        if name in self._never:
            return None
        try:
            count = self._fill(name, handle)
        except pynvml.NVMLError as error:
            raise_if_fatal(error)
            if error.value in UNSUPPORTED:
                self._never.add(name)
            else:
                errors[name, name_of(error.value)] += 1
            return None
        entries = self._sane(count, memory)
        if entries is None:
            errors[name, "implausible"] += 1
        return entries

    def _make_room(self, entries: int) -> None:
        # Typed as of 24 bytes, with room for as many of 32.
        self._room = entries
        self._array: Any = (pynvml.c_nvmlProcessInfo_v3_t * (entries * 4 // 3 + 1))()

    def _fill(self, name: str, handle: Handle) -> int:
        """How many entries the driver wrote."""
        while True:
            count = c_uint(self._room)
            try:
                call(name, handle, byref(count), self._array)
            except pynvml.NVMLError as error:
                short = error.value == pynvml.NVML_ERROR_INSUFFICIENT_SIZE
                if not short or self._room >= ENTRIES_MAX:
                    raise
                self._make_room(min(max(count.value, self._room) * 2, ENTRIES_MAX))
                continue
            return min(count.value, self._room)

    def _sane(self, count: int, memory: float) -> Entries | None:
        """The entries by the stride that makes sense: pids that exist and memory that fits."""
        raw = ctypes.string_at(self._array, ctypes.sizeof(self._array))
        known = self._stride
        strides = _STRIDES if known is None else (known, *(s for s in _STRIDES if s != known))
        fitting = [
            (stride, entries)
            for stride in strides
            if _possible(entries := _entries(raw, count, stride), memory)
        ]
        for stride, entries in fitting:
            alive = sum(self._exists(pid) for pid, _ in entries)
            if 2 * alive > len(entries) or not entries:
                if len(entries) > 1:  # a single one looks the same by every stride
                    self._stride = stride
                return entries
        # Processes that have just ended are no sign of another stride than the one that was right.
        by_stride = dict(fitting)
        return by_stride.get(known or 0) or (fitting[0][1] if count == 1 and fitting else None)


def _entries(raw: bytes, count: int, stride: int) -> Entries:
    return [_HEAD.unpack_from(raw, at * stride) for at in range(count)]


def _possible(entries: Sequence[tuple[int, int]], memory: float) -> bool:
    return all(
        0 < pid <= _PID_MAX and (held <= memory or held == _UNKNOWN) for pid, held in entries
    )
