"""XIDs as the driver reports them, in a thread of their own that lives as long as NVML is open."""

import ctypes
import logging
import threading
import time
from ctypes import byref, c_uint
from functools import partial
from typing import Any

import pynvml

from agent.nvml.errors import UNSUPPORTED, DriverUnavailable, GpuLost, raise_if_fatal
from agent.nvml.library import call, calling, enter
from agent.nvml.text import decoded
from agent.watchdog import HUNG_SECONDS, Late, Watchdog
from agent.xids import XidTally, meaning

log = logging.getLogger(__name__)

_WAIT_MILLISECONDS = 500
_AGAIN_SECONDS = 10.0
"""How often a GPU that did not answer is tried again."""
_PATIENCE_SECONDS = 1.0
"""What one GPU may take to be registered, before the others go on without it."""
_FAILED_FIRST_SECONDS, _FAILED_MOST_SECONDS = 0.1, 30.0
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
        self._called_at: float | None = None
        """Since when this thread is in a call."""
        self._wait = _FAILED_FIRST_SECONDS
        self._said: set[str] = set()
        """What is wrong, said once until all is well."""
        self._watchdog = Watchdog()
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

    @property
    def stuck(self) -> int:
        """How many of its calls hang."""
        return self._watchdog.stuck() + (self.late(time.monotonic()) is not None)

    def late(self, now: float) -> Late | None:
        """The call by which no GPU's events come any more; None: none hangs."""
        began = self._called_at
        if began is None or now - began <= HUNG_SECONDS + _WAIT_MILLISECONDS / 1000:
            return None
        return Late(now - began, self._thread.ident or 0)

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self._one_set()
                self._called_at = None
                self._end.wait(self._wait)
                self._wait = min(self._wait * 2, _FAILED_MOST_SECONDS)
        except DriverUnavailable:
            log.info("no more events: NVML was shut down")  # who opens it anew starts another
        finally:
            self._called_at = None
            self._registered.set()

    def _one_set(self) -> None:
        """From the making of an event set to its end: for good, or since a GPU of it was lost."""
        event_set = None
        try:
            self._enter("nvmlEventSetCreate")
            event_set = pynvml.nvmlEventSetCreate()
            self._take(event_set)
        except GpuLost as lost:
            self._say(f"{lost}; the other GPUs go on")
        except pynvml.NVMLError as error:
            if error.value in UNSUPPORTED:
                log.info("no XIDs: the driver reports no events")
                self._end.set()
            else:
                self._say(f"{error}; trying again")
        finally:
            if event_set is not None and not self._left and not self._are_late():
                self._enter("nvmlEventSetFree")
                _free(event_set)

    def _enter(self, name: str) -> None:
        enter(name)
        self._called_at = time.monotonic()

    def _say(self, what: str) -> None:
        if what not in self._said:
            log.warning("events: %s", what)
        self._said.add(what)

    def _are_late(self) -> bool:
        """Whether a GPU is still being registered: then its set must stay."""
        return any(self._watchdog.waits(index) for index in range(self._gpus))

    def _take(self, event_set: Any) -> None:
        """Count events until the end; GpuLost when the driver says that of one of the GPUs."""
        self._uuids, self._waiting = {}, set(range(self._gpus))
        again, burst = 0.0, 0
        while not self._end.is_set():
            if self._waiting and time.monotonic() >= again:
                self._called_at = None  # the watchdog's thread calls
                self._register_waiting(event_set)
                again = time.monotonic() + _AGAIN_SECONDS
                self._registered.set()
            burst = burst + 1 if self._event(event_set) else 0
            self._wait = _FAILED_FIRST_SECONDS
            if not self._waiting:
                self._said.clear()
            if burst >= _BURST:
                burst = 0
                self._end.wait(_PAUSE_SECONDS)

    def _register_waiting(self, event_set: Any) -> None:
        """One GPU that hangs keeps no other's events away."""
        for index in sorted(self._waiting):
            if self._end.is_set():
                break
            register = partial(self._register, index, event_set)
            try:
                done = self._watchdog.ask(index, register, _PATIENCE_SECONDS)
            except Late as late:
                call = calling.get(late.thread, "a call")
                self._say(
                    f"GPU {index}: {call} has not come back; its XIDs are not counted until it does"
                )
                continue
            if done is event_set:  # and not one of before, which came back late
                self._waiting.discard(index)
        self._watchdog.close()  # nothing more is asked of it for a while

    def _register(self, index: int, event_set: Any) -> Any:
        """The set, when all was done; None: to be tried again."""
        try:
            enter("nvmlDeviceGetHandleByIndex_v2")
            handle = pynvml.nvmlDeviceGetHandleByIndex(index)
            uuid = decoded(pynvml.nvmlDeviceGetUUID, handle)
            enter("nvmlDeviceGetSupportedEventTypes")
            types = pynvml.nvmlDeviceGetSupportedEventTypes(handle)
            if wanted := types & pynvml.nvmlEventTypeXidCriticalError:
                self._uuids[_address(handle)] = uuid
                enter("nvmlDeviceRegisterEvents")
                pynvml.nvmlDeviceRegisterEvents(handle, wanted, event_set)
        except pynvml.NVMLError as error:
            if error.value not in UNSUPPORTED:
                _raise_if_gone(error)
                return None
        return event_set

    def _event(self, event_set: Any) -> bool:
        """Wait for one event and count it; False when none came."""
        data = pynvml.c_nvmlEventData_t()
        self._called_at = began = time.monotonic()
        try:
            call("nvmlEventSetWait_v2", event_set, byref(data), c_uint(_WAIT_MILLISECONDS))
        except pynvml.NVMLError as error:
            if error.value == pynvml.NVML_ERROR_TIMEOUT:
                # Without a GPU in the set, or broken, a driver may say so at once.
                self._end.wait(max(0.0, began + _WAIT_MILLISECONDS / 1000 - time.monotonic()))
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
