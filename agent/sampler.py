"""One thread that reads the GPUs on its own clock and leaves a finished snapshot behind."""

import logging
import threading
import time
from collections.abc import Callable

from agent.attribution import Attribution
from agent.catalogue import Series, Values
from agent.devices import Devices
from agent.kubelet import Kubelet
from agent.snapshot import GpuUse, Process, Snapshot, Usage

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0
PROCESSES_SECONDS = 5.0
"""Process lists are the dear call: the driver holds its lock meanwhile."""


class Sampler:
    """``snapshot`` is None until the first pass is done; then always the last finished one."""

    def __init__(
        self, devices: Devices, attribution: Attribution, kubelet: Kubelet | None = None
    ) -> None:
        self.snapshot: Snapshot | None = None
        self.followers: list[Callable[[Snapshot], None]] = []
        self._devices = devices
        self._attribution = attribution
        self._kubelet = kubelet
        self._usage = Usage()
        self._lists: dict[str, tuple[Process, ...] | None] = {}
        self._listed_at: float | None = None

    def run(self, stop: threading.Event, interval: float = INTERVAL_SECONDS) -> None:
        """Sample until ``stop``; a failed pass is logged and tried again at the next tick."""
        tick = time.monotonic()
        while not stop.is_set():
            try:
                self.sample(time.monotonic())
            except Exception:
                log.exception("pass failed, next try in %gs", interval)
            tick = max(tick + interval, time.monotonic())
            stop.wait(tick - time.monotonic())
        self._devices.close()

    def sample(self, now: float) -> None:
        """One pass at ``now``, monotonic seconds."""
        gpus = self._devices.read(now)
        if self._listed_at is None or now - self._listed_at >= PROCESSES_SECONDS:
            self._lists = {gpu.identity.uuid: self._devices.processes(gpu) for gpu in gpus}
            self._listed_at = now
        uses = [GpuUse(gpu, self._lists.get(gpu.identity.uuid)) for gpu in gpus]
        grants = self._kubelet.grants(now) if self._kubelet else ()
        self._usage = self._attribution.usage(uses, grants, now)
        self.snapshot = Snapshot(
            taken_at=now,
            driver=self._devices.driver.version,
            cuda=self._devices.driver.cuda,
            gpus=gpus,
            problem=self._devices.problem,
            usage=self._usage,
            allocations=self._usage.allocations,
            agent=self._told(),
        )
        for follower in self.followers:
            follower(self.snapshot)

    def _told(self) -> Values:
        told: dict[Series, float] = {
            ("neurox_agent_driver_up", ()): float(self._devices.problem is None),
            ("neurox_agent_unresolved_pids", ()): self._usage.unresolved_pids,
            **self._usage.agent,
        }
        if self._kubelet:
            told["neurox_agent_kubelet_up", ()] = float(self._kubelet.up)
        for (call, error), count in self._devices.errors.items():
            told["neurox_agent_collection_errors_total", (call, error)] = count
        return told
