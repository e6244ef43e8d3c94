"""One GPU over time: what is due is read, and what it counts is added up."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from agent.catalogue import BUSY_SECONDS, ENERGY, METRICS, POWER, UTILIZATION, Series, Values
from agent.instances import MigReader
from agent.integrals import MOST_PER_SECOND, Integrals
from agent.nvml import gpm
from agent.nvml.driver import Driver
from agent.nvml.errors import Errors, GpuLost
from agent.nvml.field_table import FIELDS, LINK_FIELDS
from agent.nvml.library import Handle, calling
from agent.nvml.links import Links
from agent.nvml.processes import ProcessLists
from agent.nvml.rows import Readings
from agent.nvml.samples import ActivitySamples, BusySamples
from agent.nvml.tables import MIG_MODE, ROWS
from agent.profiling import Profiling
from agent.snapshot import Gpu, GpuUse, Identity, Process

TIERS = {"S": 60.0, "M": 10.0}
"""How often the slower tiers are read, in seconds; F is read at each pass."""
_MEMORY_TOTAL: Series = ("neurox_gpu_memory_total_bytes", ())


@dataclass(frozen=True)
class Reading:
    """One pass over one GPU."""

    use: GpuUse
    began: float
    """Monotonic seconds: nothing of it is older."""
    errors: Errors = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    """How long each tier that was due took."""


class _Opened:
    """What is kept of a GPU while its handle is good. ``handle`` is NVML's."""

    def __init__(
        self,
        handle: Handle,
        exists: Callable[[int], bool] | None,
        detail: Collection[str],
        errors: Errors,
    ) -> None:
        self.handle = handle
        self.detail = detail
        self.gpm = gpm.is_supported(handle, errors)
        self.profiling: Profiling | None = None
        self.renew()
        self.links = Links(handle)
        self.lists = ProcessLists(exists) if exists else None
        self.migs = MigReader(handle, self.gpm)
        self.draws = False
        self.known = True
        """Whether it told all of who it is."""
        self.due = dict.fromkeys(TIERS, 0.0)
        self.slower: dict[str, dict[Series, float]] = {tier: {} for tier in TIERS}
        self.processes: tuple[Process, ...] | None = None

    def renew(self) -> None:
        """Ask for everything again: what was not supported may be now, and the other way round."""
        fields = (*FIELDS, *LINK_FIELDS) if "nvlink" in self.detail else FIELDS
        self.readings = Readings(self.handle, ROWS, fields)
        self.busy = BusySamples(self.handle)
        self.activity = ActivitySamples(self.handle)
        if self.profiling:
            self.profiling.free()
        self.profiling = Profiling(self.handle, "tensor" in self.detail) if self.gpm else None

    def free(self) -> None:
        """Give the driver's buffers back."""
        if self.profiling:
            self.profiling.free()
        self.migs.free()


class Device:
    """GPU ``index`` of ``count``; ``totals`` are kept by uuid for the agent's life.

    ``exists`` tells whether a pid is in the process tree; None where processes cannot be seen.
    All but ``identity`` and ``end`` belongs to the thread that reads.
    """

    def __init__(
        self,
        driver: Driver,
        at: tuple[int, int],
        totals: dict[str, Integrals],
        exists: Callable[[int], bool] | None,
    ) -> None:
        self.index, self._count = at
        self.identity = Identity(self.index)
        self._driver = driver
        self._totals = totals
        self._exists = exists
        self._integrals = Integrals()
        self._opened: _Opened | None = None
        self._ahead = 0.0
        self._ended = False

    def read(self, now: float, wants_activity: bool) -> Reading:
        """One pass at ``now``, monotonic seconds; DriverUnavailable when all GPUs are gone."""
        began, seconds = time.monotonic(), dict[str, float]()
        self._ahead = now - began
        errors: Errors = Counter()
        try:
            opened = self._opened or self._open(errors)
            with _timed(seconds, "F"):
                values = self._followed(opened.readings.read("F", errors), now, errors)
                self._integrate(opened, values, now, errors)
            for tier, period in TIERS.items():
                if now >= opened.due[tier] or opened.due[tier] > now + period:
                    with _timed(seconds, tier):
                        self._slower(opened, tier, now, errors)
                    self._put_off(opened, tier, now)
            if "M" in seconds:
                with _timed(seconds, "M"):
                    self._mig(opened, now, errors)
                    self._list(opened, values, errors)
            with _timed(seconds, "F"):
                if "M" not in seconds and opened.processes is None:
                    self._list(opened, values, errors)
                use = self._rest(opened, values, now, wants_activity, errors)
        except GpuLost as lost:
            errors[calling[threading.get_ident()], lost.error] += 1
            self.free()
            return Reading(GpuUse(Gpu(self.identity, up=False)), began, errors, seconds)
        return Reading(use, began, errors, seconds)

    def end(self) -> None:
        """Another device has taken over: a call that comes back late adds nothing any more."""
        self._ended = True

    def free(self) -> None:
        """Give the driver's buffers back; the next read opens the GPU anew."""
        if self._opened:
            self._opened.free()
        self._opened = None

    def _clock(self) -> float:
        """``now``, later in the same pass: calls may have taken long."""
        return time.monotonic() + self._ahead

    def _open(self, errors: Errors) -> _Opened:
        handle = self._driver.handle(self.index)
        known = self._identify(handle, errors)
        self._integrals = self._totals.setdefault(self.identity.uuid, Integrals())
        self._integrals.anew()
        opened = _Opened(handle, self._exists, self._driver.detail, errors)
        opened.known, opened.draws = known, self._driver.draws(handle, errors)
        self._opened = opened
        return opened

    def _identify(self, handle: Handle, errors: Errors) -> bool:
        """Ask who it is; whether all that it supports of that was told."""
        failed: Errors = Counter()
        self.identity = self._driver.identity(handle, self.index, failed)
        errors.update(failed)
        return not failed

    def _slower(self, opened: _Opened, tier: str, now: float, errors: Errors) -> None:
        values = opened.readings.read(tier, errors)
        if tier == "S":
            opened.known = opened.known or self._identify(opened.handle, errors)
            values.update(opened.links.read(values, errors))
        opened.slower[tier] = self._followed(values, now, errors)

    def _put_off(self, opened: _Opened, tier: str, now: float) -> None:
        """GPUs take turns, so that no pass but the first is long."""
        first, period = opened.due[tier] == 0.0, TIERS[tier]
        opened.due[tier] = now + (period * (self.index + 1) / self._count if first else period)

    def _list(self, opened: _Opened, values: Values, errors: Errors) -> None:
        """Who is on it. A list that failed is asked for again with the next pass."""
        if not opened.lists:
            return
        memory = values.get(_MEMORY_TOTAL, float("inf"))
        handles: Iterable[tuple[Handle, int | None]] = opened.migs.handles() or [
            (opened.handle, None)
        ]
        # Another tuple each time: attribution then looks whether pids have been reused.
        opened.processes = opened.lists.read(handles, memory, opened.draws, errors)

    def _mig(self, opened: _Opened, now: float, errors: Errors) -> None:
        mode = opened.slower["M"].get(MIG_MODE)
        mig = "" if mode is None else "enabled" if mode else "disabled"
        if mig != self.identity.mig:
            opened.renew()
            self.identity = replace(self.identity, mig=mig)
            values = opened.readings.read("M", errors)
            opened.slower["M"] = self._followed(values, now, errors)
            opened.due["S"] = 0.0
        opened.migs.renew(mig == "enabled", errors)

    def _rest(
        self,
        opened: _Opened,
        values: dict[Series, float],
        now: float,
        wants_activity: bool,
        errors: Errors,
    ) -> GpuUse:
        if opened.profiling:
            values.update(opened.profiling.read(now, self._integrals, errors))
        migs = opened.migs.read(now, errors)
        activity = opened.activity.shares(now, errors) if wants_activity else None
        every = {**opened.slower["S"], **opened.slower["M"], **values}
        gpu = Gpu(self.identity, up=True, values=every, migs=migs)
        if BUSY_SECONDS not in values and opened.migs.worked is not None:  # MIG hides it
            worked = opened.migs.worked / gpu.slices
            every[BUSY_SECONDS] = self._integrals.add(BUSY_SECONDS, worked)
        mean = values.get(UTILIZATION) if opened.busy.mean is None else opened.busy.mean
        return GpuUse(gpu, opened.processes, activity, None if opened.busy.ended else mean)

    def _followed(
        self, values: dict[Series, float], now: float, errors: Errors
    ) -> dict[Series, float]:
        """The driver's own counters, carried over when they begin again."""
        if self._ended:
            raise GpuLost("its driver was closed meanwhile", "uninitialized")
        for series, raw in list(values.items()):
            if METRICS[series[0]].type == "counter":
                most, from_zero = _most(series), series == ENERGY
                total = self._integrals.follow(series, raw, now, most, from_zero)
                _put(values, series, total, errors)
        return values

    def _integrate(
        self, opened: _Opened, values: dict[Series, float], now: float, errors: Errors
    ) -> None:
        """Busy seconds, and energy by power where the driver does not count it."""
        busy = None if opened.busy.ended else opened.busy.seconds(self._clock, errors)
        integrals = self._integrals
        if busy is not None:
            values[BUSY_SECONDS] = integrals.add(BUSY_SECONDS, busy)
        elif opened.busy.ended and UTILIZATION in values:
            total = integrals.integrate(BUSY_SECONDS, values[UTILIZATION], now, most=1.0)
            _put(values, BUSY_SECONDS, total, errors)
        if POWER in values and ENERGY not in values and not integrals.follows(ENERGY):
            total = integrals.integrate(ENERGY, values[POWER], now, _most(ENERGY))
            _put(values, ENERGY, total, errors)


def _most(series: Series) -> float:
    return MOST_PER_SECOND[METRICS[series[0]].unit]


def _put(values: dict[Series, float], series: Series, total: float | None, errors: Errors) -> None:
    """A counter's total; one whose reading can not be is absent, and an error."""
    if total is not None:
        values[series] = total
        return
    values.pop(series, None)
    errors[series[0], "implausible"] += 1


@contextmanager
def _timed(seconds: dict[str, float], tier: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    seconds[tier] = seconds.get(tier, 0.0) + time.monotonic() - began
