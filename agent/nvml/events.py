"""XIDs as the driver reports them, in a thread of their own that lives as long as NVML is open."""

import ctypes
import logging
import threading
import time
from ctypes import byref, c_uint
from typing import Any

import pynvml

from agent.nvml.errors import UNSUPPORTED, DriverUnavailable, GpuLost, raise_if_fatal
from agent.nvml.library import call
from agent.nvml.text import text
from agent.watchdog import HUNG_SECONDS
from agent.xids import XidTally, meaning

log = logging.getLogger(__name__)

_WAIT_MILLISECONDS = 500
_AGAIN_SECONDS = 10.0
"""How often a GPU that did not answer is tried again."""
_BURST, _PAUSE_SECONDS = 200, 0.1
"""A flood of events is taken in bursts, so that it does not take a core."""


class XidEvents:
    """Counts XIDs of ``gpus`` GPUs from now on."""

    def __init__(self, gpus: int, tally: XidTally) -> None:
        self._gpus = gpus
        self._tally = tally
        self._uuids: dict[int, str] = {}
        self._waiting: set[int] = set()
        self._end = threading.Event()
        self._left = False
        self._called_at = time.monotonic()
        self._registered = threading.Event()
        self._thread = threading.Thread(target=self._run, name="xids", daemon=True)
        self._thread.start()

    def wait_registered(self, seconds: float) -> None:
        """Until the GPUs were asked for events once, so that the first one is not missed."""
        self._registered.wait(seconds)

    def end(self, seconds: float) -> bool:
        """Let go of the driver; whether that was done in time, or the thread is left behind."""
        self._end.set()
        self._thread.join(seconds)
        self._left = self._thread.is_alive()
        return not self._left

    def stuck(self, now: float) -> bool:
        """Whether a call of this thread has not come back for long."""
        most = HUNG_SECONDS + _WAIT_MILLISECONDS / 1000
        return self._thread.is_alive() and now - self._called_at > most

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self._one_set()
                self._end.wait(1.0)
        except DriverUnavailable:
            log.info("no more events: NVML was shut down")  # who opens it anew starts another
        finally:
            self._registered.set()

    def _one_set(self) -> None:
        """From the making of an event set to its end: for good, or since a GPU of it was lost."""
        event_set = None
        try:
            event_set = pynvml.nvmlEventSetCreate()
            self._take(event_set)
        except GpuLost as lost:
            log.warning("events: %s; the other GPUs go on", lost)
        except pynvml.NVMLError as error:
            if error.value in UNSUPPORTED:
                log.info("no XIDs: the driver reports no events")
                self._end.set()
            else:
                log.warning("events: %s; trying again", error)
        finally:
            if event_set is not None and not self._left:
                _free(event_set)

    def _take(self, event_set: Any) -> None:
        """Count events until the end; GpuLost when the driver says that of one of the GPUs."""
        self._uuids, self._waiting = {}, set(range(self._gpus))
        again, burst = 0.0, 0
        while not self._end.is_set():
            self._called_at = time.monotonic()
            if self._waiting and self._called_at >= again:
                again = self._called_at + _AGAIN_SECONDS
                self._register(event_set)
                self._registered.set()
            burst = burst + 1 if self._event(event_set) else 0
            if burst >= _BURST:
                burst = 0
                self._end.wait(_PAUSE_SECONDS)

    def _register(self, event_set: Any) -> None:
        for index in sorted(self._waiting):
            try:
                handle = pynvml.nvmlDeviceGetHandleByIndex(index)
                types = pynvml.nvmlDeviceGetSupportedEventTypes(handle)
                wanted = types & pynvml.nvmlEventTypeXidCriticalError
                if wanted:
                    pynvml.nvmlDeviceRegisterEvents(handle, wanted, event_set)
                    self._uuids[_address(handle)] = text(pynvml.nvmlDeviceGetUUID, handle)
            except pynvml.NVMLError as error:
                if error.value not in UNSUPPORTED:
                    _raise_if_gone(error)
                    continue
            self._waiting.discard(index)

    def _event(self, event_set: Any) -> bool:
        """Wait for one event and count it; False when none came."""
        data = pynvml.c_nvmlEventData_t()
        try:
            call("nvmlEventSetWait_v2", event_set, byref(data), c_uint(_WAIT_MILLISECONDS))
        except pynvml.NVMLError as error:
            if error.value == pynvml.NVML_ERROR_TIMEOUT:
                return False
            raise_if_fatal(error)
            raise
        uuid = self._uuids.get(_address(data.device), "")
        if data.eventType & pynvml.nvmlEventTypeXidCriticalError and uuid:
            code = int(data.eventData)
            self._tally.count(uuid, code, time.time())
            what = meaning(str(code))
            log.warning(
                "GPU %s: XID %d (%s, %s): %s", uuid, code, what.severity, what.cause, what.text
            )
        return True


def _raise_if_gone(error: Any) -> None:
    try:
        raise_if_fatal(error)
    except GpuLost:
        return  # tried again later


def _free(event_set: Any) -> None:
    try:
        call("nvmlEventSetFree", event_set)
    except pynvml.NVMLError as error:
        log.info("the event set was already gone: %s", error)


def _address(handle: Any) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
