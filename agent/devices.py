"""The node's GPUs over time: open and reopen the driver, keep identities, leave calls that hang."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.catalogue import Values
from agent.device import Device, Reading
from agent.health import UNCORRECTED, health
from agent.integrals import Integrals
from agent.nvml.driver import Driver
from agent.nvml.errors import DriverUnavailable, Errors
from agent.nvml.events import XidEvents
from agent.nvml.library import calling
from agent.sight import exists
from agent.snapshot import Gpu, GpuUse, Identity
from agent.watchdog import HUNG_SECONDS, Late, Watchdog
from agent.xids import XidTally

log = logging.getLogger(__name__)

RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 1.0, 30.0
PATIENCE_SECONDS, LEAST_SECONDS = 0.25, 0.01
"""What all GPUs together may take, and what is left for each once that is spent. One that takes
longer is left behind with its thread; the snapshot is finished before the last is 1.5 s old."""
FRESH_SECONDS = 1.5
"""Older readings of a slow GPU are told no more. Both grow with an interval of more than 1 s."""
CLOSE_SECONDS = 2.0
_COUNTING, _EVENTS = "how many GPUs there are", "events"
DRAINED = "drained: the agent lets go of the driver until SIGUSR2"


class Devices:
    """Owns the driver; times are monotonic seconds. ``problem`` says why there are no GPUs.

    ``proc`` is None where processes cannot be seen: then the driver is not asked for them.
    It is read each ``interval`` seconds.
    """

    def __init__(
        self, driver: Driver, proc: Path | None = Path("/proc"), interval: float = 1.0
    ) -> None:
        self.driver = driver
        self.problem: str | None = None
        self.errors: Errors = Counter()
        self.seconds: dict[tuple[int, str], float] = {}
        """How long the last reading took, by GPU and tier."""
        self.drained = False
        self._exists = partial(exists, proc) if proc else None
        self._scale = max(1.0, interval)
        self._watchdog = Watchdog()
        self._events: XidEvents | None = None
        self._xids = XidTally()
        self._totals: dict[str, Integrals] = {}
        self._devices: list[Device] | None = None
        self._opened = 0
        """Times."""
        self._opened_at = 0.0
        self._until = 0.0
        """Then the patience of this pass ends."""
        self._last: dict[int, Reading] = {}
        self._identities: dict[str, Identity] = {}
        self._hung: set[str] = set()
        self._retry_at = 0.0
        self._retry_seconds = RETRY_FIRST_SECONDS

    def read(
        self, now: float, wants_activity: Callable[[str], bool] = lambda _: False
    ) -> tuple[GpuUse, ...]:
        """Every GPU once; none while there is no driver, which is tried again with back-off."""
        self._until = time.monotonic() + PATIENCE_SECONDS * self._scale
        try:
            if self.drained:
                self._let_go()
                return ()
            if self._devices is None:
                if now < self._retry_at:
                    return ()
                self._open()
            devices = self._counted()
            self._listen()
            uses = [self._read(device, now, wants_activity) for device in devices]
            self._retry_seconds = RETRY_FIRST_SECONDS
            return tuple(self._told(use) for use in self._known(uses))
        except DriverUnavailable as gone:
            if (
                self._devices is not None
                and time.monotonic() - self._opened_at > RETRY_FIRST_SECONDS
            ):
                log.warning("%s; opening it anew", gone)
                self.close()
                return self.read(now, wants_activity)
            self._forget(str(gone), now)
            return ()
        except Late as late:
            self.problem = self._hangs("the driver", late)
            return ()

    @property
    def stuck(self) -> int:
        """Driver calls that have not come back."""
        return self._watchdog.stuck() + (self._events.stuck if self._events else 0)

    def close(self) -> None:
        """Let go of the driver within a deadline; a call that hangs is left behind."""
        if self._devices is None:
            return
        devices, self._devices = self._devices, None
        events, self._events = self._events, None
        free = [device for device in devices if not self._watchdog.waits(self._key(device))]
        for device in devices:
            device.end()
        self._last, self.seconds = {}, {}

        def close() -> None:
            if events:
                events.end(CLOSE_SECONDS / 2)
            for device in free:
                device.free()
            self.driver.close()

        try:
            self._watchdog.ask(("close", self._opened), close, CLOSE_SECONDS)
        except Late as late:
            log.error("%s", self._hangs("closing the driver", late))
        self._watchdog.close()

    def _open(self) -> None:
        # GPUs without persistence take seconds to wake up.
        count = self._watchdog.ask("open", self.driver.open, HUNG_SECONDS)
        self._opened += 1
        self._opened_at = time.monotonic()
        self._hung.clear()
        self._watchdog.forget()
        self._make(count)
        self.problem = None
        log.info("driver %s, %d GPUs", self.driver.version, count)

    def _make(self, count: int) -> None:
        self._devices = [
            Device(self.driver, (index, count), self._totals, self._exists)
            for index in range(count)
        ]
        self._events = XidEvents(count, self._xids)
        self._events.wait_registered(PATIENCE_SECONDS)

    def _let_go(self) -> None:
        """Drained: also an opening that was under way when the signal came."""
        self.close()
        self._identities.clear()  # whoever drains may take GPUs away
        self.problem = DRAINED
        if self._watchdog.waits("open"):
            self._watchdog.ask("open", self.driver.open, 0.0)
            self._watchdog.ask(("close", "late"), self.driver.close, CLOSE_SECONDS)
        if self._watchdog.stuck():
            self.problem = f"{DRAINED}; a call that hangs still holds it"

    def _forget(self, problem: str, now: float) -> None:
        self.close()
        log.warning("no GPUs: %s; next try in %gs", problem, self._retry_seconds)
        self.problem = problem
        self._retry_at = now + self._retry_seconds
        self._retry_seconds = min(self._retry_seconds * 2, RETRY_MOST_SECONDS)

    def _counted(self) -> list[Device]:
        """The devices, made anew when the driver counts other ones than before."""
        devices = self._devices or []
        try:
            count = self._watchdog.ask(("count", self._opened), self.driver.count, self._left())
        except Late as late:
            self._hangs(_COUNTING, late)
            return devices
        self._hung.discard(_COUNTING)
        if count != len(devices):
            log.warning("the driver has %d GPUs now, and had %d", count, len(devices))
            self.close()
            self._open()
        return self._devices or []

    def _listen(self) -> None:
        """Say it where the thread of events hangs: the others go on, but no XID is counted."""
        if late := self._events and self._events.late(time.monotonic()):
            self._hangs(_EVENTS, late, then="no XID is counted until it does")
        else:
            self._hung.discard(_EVENTS)

    def _known(self, uses: list[GpuUse]) -> list[GpuUse]:
        """With the GPUs that were there before: gone ones are down, as ones that never answer."""
        found = {use.gpu.identity.uuid: use for use in uses}
        missing = {who.index: who for uuid, who in self._identities.items() if uuid not in found}
        unknown = found.pop("", None) is not None
        self._identities.update({uuid: use.gpu.identity for uuid, use in found.items()})
        if not missing:
            return uses
        if unknown:
            uses = [self._recalled(use, missing) for use in uses]
        return uses + [GpuUse(Gpu(who, up=False)) for who in missing.values()]

    def _recalled(self, use: GpuUse, missing: dict[int, Identity]) -> GpuUse:
        who = use.gpu.identity
        if who.uuid or who.index not in missing:
            return use
        return replace(use, gpu=replace(use.gpu, identity=missing.pop(who.index)))

    def _told(self, use: GpuUse) -> GpuUse:
        """With what the agent itself knows of a GPU: XIDs and health."""
        gpu = use.gpu
        uuid = gpu.identity.uuid
        checks = health(gpu.up, self._since_loaded(gpu), self._xids.seen(uuid), time.time())
        values = {**gpu.values, **self._xids.values(uuid), **checks}
        return replace(use, gpu=replace(gpu, values=values))

    def _since_loaded(self, gpu: Gpu) -> Values:
        """Its values, but of errors only what it counts since its driver was loaded."""
        counted = self._totals.get(gpu.identity.uuid)
        now = counted.now(UNCORRECTED) if counted and UNCORRECTED in gpu.values else None
        return gpu.values if now is None else {**gpu.values, UNCORRECTED: now}

    def _read(self, device: Device, now: float, wants: Callable[[str], bool]) -> GpuUse:
        index = device.index
        try:
            reading = self._watchdog.ask(
                self._key(device),
                partial(device.read, now, wants(device.identity.uuid)),
                self._patience(index),
            )
        except Late as late:
            last = self._last.get(index)
            if last and late.seconds < HUNG_SECONDS:
                if not self._is_young(last):
                    self.errors[calling.get(late.thread, "a call"), "slow"] += 1
                return replace(self._young(last), activity=None)
            self._hangs(_name(device), late)
            return GpuUse(Gpu(device.identity, up=False))
        self._hung.discard(_name(device))
        before = self._last.get(index)
        if not reading.use.gpu.up and (before is None or before.use.gpu.up):
            why = ", ".join(f"{call} answers {error}" for call, error in reading.errors)
            log.error("%s is lost: %s", _name(device), why)
        self.errors.update(reading.errors)
        for tier, seconds in reading.seconds.items():
            self.seconds[index, tier] = seconds
        self._last[index] = reading
        return self._young(reading)

    def _young(self, reading: Reading) -> GpuUse:
        """What it found; of an old one no values, though the GPU is up and has its processes.

        Its counters go on growing meanwhile: the next reading tells them.
        """
        use = reading.use
        if self._is_young(reading):
            return use
        migs = tuple(replace(mig, values={}) for mig in use.gpu.migs)
        gpu = replace(use.gpu, values={}, migs=migs)
        return replace(use, gpu=gpu, activity=None, utilization=None)

    def _is_young(self, reading: Reading) -> bool:
        return time.monotonic() - reading.began <= FRESH_SECONDS * self._scale

    def _patience(self, index: int) -> float:
        """GPUs that have not answered yet may need a while, all together."""
        first = 0.0 if index in self._last else self._opened_at + HUNG_SECONDS - time.monotonic()
        return max(self._left(), first)

    def _left(self) -> float:
        return max(LEAST_SECONDS, self._until - time.monotonic())

    def _hangs(self, who: str, late: Late, then: str = "a new thread goes on without it") -> str:
        """Say and count it once."""
        call = calling.get(late.thread, "a call")
        problem = f"{who}: {call} has not come back"
        if late.seconds >= HUNG_SECONDS and who not in self._hung:
            self._hung.add(who)
            self.errors[call, "hung"] += 1
            log.error("%s for %.0f s; %s", problem, late.seconds, then)
        return problem

    def _key(self, device: Device) -> tuple[int, int]:
        return self._opened, device.index


def _name(device: Device) -> str:
    return f"GPU {device.index} {device.identity.uuid}".strip()
