"""What the driver sampled several times a second: a GPU's use, and each process's part of it."""

import time
from collections.abc import Callable, Collection, Mapping
from ctypes import POINTER, byref, c_uint, c_ulonglong, cast
from typing import Any

import pynvml

from agent.integrals import GAP_SECONDS
from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal
from agent.nvml.fields import member
from agent.nvml.library import Handle, call, plain

PERIOD_MOST_SECONDS = 1.0
"""Drivers sample each sixth of a second, some each second: no news for shorter is no silence."""
_SAMPLE = plain(pynvml.c_nvmlSample_t)
_ROOM_FIRST, _ROOM_MOST = 128, 8192
_NONE = (pynvml.NVML_SUCCESS, pynvml.NVML_ERROR_NOT_FOUND)
"""No samples: nothing ran."""


def _is_ahead(stamp: int) -> bool:
    """Whether it is of a time to come.

    Then the clock was set back if nothing new comes: the driver takes its new samples for old ones.
    """
    return stamp / 1e6 > time.time() + GAP_SECONDS


class BusySamples:
    """Busy seconds of one GPU, by every sample of its use. ``ended``: not supported.

    ``mean``: its use over the samples of the last call; None: there was none.
    """

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._room = 0
        self._last = 0
        self._last_at = 0.0
        self._asked = False
        self._kind, self._count = c_uint(), c_uint()
        self._array: Any = None
        self.ended = False
        self.mean: float | None = None

    def seconds(self, clock: Callable[[], float], errors: Errors) -> float | None:
        """Busy seconds since the last call; None where they cannot be told.

        ``clock`` is monotonic seconds: samples have the host's time, which may jump forward.
        """
        name = "nvmlDeviceGetSamples"
        self.mean = None
        try:
            if not self._room:
                self._ask(None)
                self._room = min(max(self._count.value, 1), _ROOM_MOST)
                self._array = (_SAMPLE * self._room)()
            self._count.value = self._room
            self._ask(self._array)
        except pynvml.NVMLError as error:
            raise_if_fatal(error)
            if error.value in _NONE:
                return self._none(clock())
            self.ended = error.value in UNSUPPORTED
            if not self.ended:
                errors[name, name_of(error.value)] += 1
            return None
        return self._sum(clock()) if self._count.value else self._none(clock())

    def _none(self, now: float) -> float:
        self._asked = not _is_ahead(self._last)
        self._last = self._last if self._asked else 0
        self._last_at = self._last_at if self._last else now
        return 0.0

    def _ask(self, array: Any) -> None:
        call(
            "nvmlDeviceGetSamples",
            self._handle,
            pynvml.NVML_GPU_UTILIZATION_SAMPLES,
            c_ulonglong(self._last),
            byref(self._kind),
            byref(self._count),
            array,
        )

    def _sum(self, now: float) -> float:
        samples = self._array[: min(self._count.value, self._room)]
        asked, self._asked = self._asked, True
        elapsed, self._last_at = now - self._last_at, now
        if not asked:  # what the driver still had is of before
            self._last = max(sample.timeStamp for sample in samples)
            return 0.0
        busy, told, last = 0.0, 0.0, self._last
        if not last and len(samples) > 1:  # the first ones ever
            last = 2 * samples[0].timeStamp - samples[1].timeStamp
        for sample in samples:
            passed = (sample.timeStamp - last) / 1e6
            percent = member(sample.sampleValue, self._kind.value)
            if passed <= 0:
                continue
            if passed <= GAP_SECONDS and percent is not None and 0 <= percent <= 100:
                busy += passed * percent / 100
                told += passed
            last = sample.timeStamp
        self._last = last
        self.mean = busy / told if told else None
        return busy if told <= elapsed + PERIOD_MOST_SECONDS else busy / told * elapsed


class ActivitySamples:
    """Each process's part of one GPU's time, between two calls."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._last = 0
        self._asked_at: float | None = None
        self._told: dict[int, float] = {}
        self._told_at = 0.0
        self._calls: list[_InfoCall | _SampleCall] = [_InfoCall(), _SampleCall()]

    def shares(self, now: float, errors: Errors) -> Mapping[int, float] | None:
        """By pid, 0 to 1; None where it is not told, or has not been asked just before."""
        found = self._samples(errors)
        asked_at, self._asked_at = self._asked_at, now
        if not found and _is_ahead(self._last):
            self._last, found = 0, None
        if found is None:
            return None
        newest = max((at for _, at, _ in found), default=self._last)
        last, self._last = self._last, newest
        if asked_at is None or not 0 < now - asked_at <= GAP_SECONDS:
            return None  # whatever the driver still had is no news
        if newest == last and now - self._told_at < PERIOD_MOST_SECONDS:
            return self._told
        since = max(last, newest - int((now - asked_at) * 1e6))
        self._told, self._told_at = _shares(found, since, newest, self._told), now
        return self._told

    def _samples(self, errors: Errors) -> "list[_Sample] | None":
        while self._calls:
            try:
                found = self._calls[0].read(self._handle, self._last)
                return [sample for sample in found if sample[2] <= 100 and sample[0]]
            except pynvml.NVMLError as error:
                raise_if_fatal(error)
                if error.value in _NONE:
                    return []
                if error.value not in UNSUPPORTED:
                    errors[self._calls[0].name, name_of(error.value)] += 1
                    return None
                del self._calls[0]
        return None


_Sample = tuple[int, int, int]
"""Pid, time stamp in microseconds, percent."""


def _shares(
    samples: list[_Sample], since: int, newest: int, before: Collection[int]
) -> dict[int, float]:
    """The mean of each process's samples over the time since ``since``.

    A sample stands for the time since the process's last one. Of a process that has just begun,
    the first stands for as long as the second does.
    """
    by_pid: dict[int, list[tuple[int, int]]] = {}
    for pid, at, percent in samples:
        by_pid.setdefault(pid, []).append((at, percent))
    shares: dict[int, float] = {}
    for pid, own in by_pid.items():
        own.sort()
        last = since
        if pid not in before and len(own) > 1:
            last = max(since, 2 * own[0][0] - own[1][0])
        total = 0
        for at, percent in own:
            total += max(0, at - last) * percent
            last = max(last, at)
        shares[pid] = min(1.0, total / 100 / (newest - since)) if newest > since else 0.0
    return shares


class _InfoCall:
    """R550 and newer."""

    name = "nvmlDeviceGetProcessesUtilizationInfo"
    _KIND = pynvml.c_nvmlProcessUtilizationInfo_v1_t

    def __init__(self) -> None:
        self._info = pynvml.c_nvmlProcessesUtilizationInfo_v1_t(
            version=pynvml.ProcessesUtilizationInfo_v1
        )
        self._make_room(_ROOM_FIRST)

    def _make_room(self, room: int) -> None:
        self._room = min(room, _ROOM_MOST)
        self._array = (self._KIND * self._room)()
        self._info.procUtilArray = cast(self._array, POINTER(self._KIND))

    def read(self, handle: Handle, last: int) -> list[_Sample]:
        while True:
            self._info.processSamplesCount, self._info.lastSeenTimeStamp = self._room, last
            try:
                call(self.name, handle, byref(self._info))
            except pynvml.NVMLError as error:
                if error.value != pynvml.NVML_ERROR_INSUFFICIENT_SIZE or self._room >= _ROOM_MOST:
                    raise
                self._make_room(max(self._info.processSamplesCount, self._room) * 2)
                continue
            count = min(self._info.processSamplesCount, self._room)
            return [(one.pid, one.timeStamp, one.smUtil) for one in self._array[:count]]


class _SampleCall:
    """Before R550."""

    name = "nvmlDeviceGetProcessUtilization"
    _KIND = plain(pynvml.c_nvmlProcessUtilizationSample_t)

    def __init__(self) -> None:
        self._array: Any = (self._KIND * _ROOM_FIRST)()

    def read(self, handle: Handle, last: int) -> list[_Sample]:
        while True:
            count = c_uint(len(self._array))
            try:
                call(self.name, handle, self._array, byref(count), c_ulonglong(last))
            except pynvml.NVMLError as error:
                room = len(self._array)
                if error.value != pynvml.NVML_ERROR_INSUFFICIENT_SIZE or room >= _ROOM_MOST:
                    raise
                self._array = (self._KIND * min(max(count.value, room) * 2, _ROOM_MOST))()
                continue
            used = self._array[: min(count.value, len(self._array))]
            return [(one.pid, one.timeStamp, one.smUtil) for one in used]
