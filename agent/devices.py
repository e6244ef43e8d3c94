"""The node's GPUs over time: open and reopen the driver, keep identities, add the counters."""

import logging
from collections import Counter

from agent.catalogue import BUSY_SECONDS, ENERGY, POWER, UTILIZATION, Series
from agent.integrals import Integrals
from agent.nvml.calls import Handle
from agent.nvml.driver import Driver
from agent.nvml.errors import DriverUnavailable, GpuLost
from agent.snapshot import Gpu, Identity, Process

log = logging.getLogger(__name__)

RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 1.0, 30.0


class Devices:
    """Owns the driver; times are monotonic seconds. ``problem`` says why there are no GPUs."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.problem: str | None = None
        self.errors: Counter[tuple[str, str]] = Counter()
        self._identities: list[Identity] | None = None
        self._handles: dict[int, Handle] = {}
        self._integrals = Integrals()
        self._retry_at = 0.0
        self._retry_seconds = RETRY_FIRST_SECONDS

    def read(self, now: float) -> tuple[Gpu, ...]:
        """Every GPU once; none while there is no driver, which is tried again with back-off."""
        try:
            if self._identities is None:
                if now < self._retry_at:
                    return ()
                self._open()
            return tuple(self._gpu(index, now) for index in range(len(self._identities or ())))
        except DriverUnavailable as gone:
            self._forget(str(gone), now)
            return ()

    def processes(self, gpu: Gpu) -> tuple[Process, ...] | None:
        """Who holds memory of the GPU; None when that cannot be told now."""
        handle = self._handles.get(gpu.identity.index)
        try:
            return self.driver.processes(handle) if gpu.up and handle else None
        except (GpuLost, DriverUnavailable):
            return None  # the next read says so

    def close(self) -> None:
        """Let go of the driver."""
        if self._identities is not None:
            self.driver.close()
        self._identities = None
        self._handles.clear()

    def _open(self) -> None:
        count = self.driver.open()
        self._identities = [Identity(index) for index in range(count)]
        self.problem, self._retry_seconds = None, RETRY_FIRST_SECONDS
        log.info("driver %s, %d GPUs", self.driver.version, count)

    def _forget(self, problem: str, now: float) -> None:
        self.close()
        log.warning("no GPUs: %s; next try in %gs", problem, self._retry_seconds)
        self.problem = problem
        self._retry_at = now + self._retry_seconds
        self._retry_seconds = min(self._retry_seconds * 2, RETRY_MOST_SECONDS)

    def _gpu(self, index: int, now: float) -> Gpu:
        identities = self._identities or []
        try:
            if index not in self._handles:
                handle = self.driver.handle(index)
                identities[index] = self.driver.identity(handle, index)
                self._handles[index] = handle
            reading = self.driver.read(self._handles[index])
        except GpuLost as lost:
            if self._handles.pop(index, None):
                log.error("GPU %d %s: %s", index, identities[index].uuid, lost)
            self.errors["read", str(lost)] += 1
            return Gpu(identities[index], up=False)
        self.errors.update(reading.errors)
        self._count(identities[index].uuid, reading.values, now)
        return Gpu(identities[index], up=True, values=reading.values)

    def _count(self, uuid: str, values: dict[Series, float], now: float) -> None:
        """Add the integrals: busy seconds, and energy by power where the driver does not count."""
        power, utilization = values.get(POWER), values.get(UTILIZATION)
        if utilization is not None:
            busy = self._integrals.integrate((uuid, "busy"), utilization, now)
            values[BUSY_SECONDS] = busy
        if ENERGY in values:
            values[ENERGY] = self._integrals.follow((uuid, "energy"), values[ENERGY])
        elif power is not None:
            values[ENERGY] = self._integrals.integrate((uuid, "energy"), power, now)
