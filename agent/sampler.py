"""One thread that reads the GPUs on its own clock and leaves a finished snapshot behind."""

import logging
import threading
import time
from collections.abc import Callable

from agent.attribution import Attribution
from agent.catalogue import Series, Values
from agent.devices import Devices
from agent.kubelet import Kubelet
from agent.snapshot import Snapshot, Usage

log = logging.getLogger(__name__)

INTERVAL_SECONDS = 1.0


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
        self._passes = 0

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

    def drain(self, drained: bool) -> None:
        """Let go of the driver at the next pass, or take it again."""
        self._devices.drained = drained

    def sample(self, now: float) -> None:
        """One pass at ``now``, monotonic seconds."""
        uses = self._devices.read(now, self._attribution.wants_activity)
        # Asked first: where the kubelet is up, the grants are those that it told.
        kubelet_up = self._kubelet.tells(now) if self._kubelet else None
        grants = self._kubelet.grants(now) if self._kubelet else ()
        self._usage = self._attribution.usage(uses, grants, now)
        self._passes += 1
        self.snapshot = Snapshot(
            taken_at=now,
            driver=self._devices.driver.version,
            cuda=self._devices.driver.cuda,
            gpus=tuple(use.gpu for use in uses),
            problem=self._devices.problem,
            usage=self._usage,
            allocations=self._usage.allocations,
            agent=self._told(kubelet_up),
        )
        for follower in self.followers:
            follower(self.snapshot)

    def _told(self, kubelet_up: bool | None) -> Values:
        told: dict[Series, float] = {
            ("neurox_agent_driver_up", ()): float(self._devices.problem is None),
            ("neurox_agent_passes_total", ()): self._passes,
            ("neurox_agent_drained", ()): float(self._devices.drained),
            ("neurox_agent_stuck", ()): self._devices.stuck,
            **self._usage.agent,
        }
        if self._usage.unresolved_pids is not None:
            told["neurox_agent_unresolved_pids", ()] = self._usage.unresolved_pids
        if kubelet_up is not None:
            told["neurox_agent_kubelet_up", ()] = float(kubelet_up)
        for (_, tier), seconds in self._devices.seconds.items():
            series = ("neurox_agent_collection_duration_seconds", (tier,))
            told[series] = told.get(series, 0.0) + seconds
        for (call, error), count in self._devices.errors.items():
            told["neurox_agent_collection_errors_total", (call, error)] = count
        return told
