"""The GPU instances of one GPU over time: which there are, their memory and their activity."""

from dataclasses import dataclass

from agent.catalogue import Series
from agent.nvml.errors import Errors
from agent.nvml.gpm import ACTIVITY, Window, question, ratios
from agent.nvml.library import Handle
from agent.nvml.mig import Instance, instances
from agent.nvml.rows import Readings
from agent.nvml.tables import MIG_ROWS
from agent.snapshot import MigInstance

RATIOS: dict[int, Series] = {
    number: (f"neurox_mig_{name}", ()) for number, name in ACTIVITY.items()
}


@dataclass
class _Kept:
    instance: Instance
    readings: Readings
    window: Window | None


class MigReader:
    """Reads the GPU instances; ``gpm``: the GPU tells their activity."""

    def __init__(self, handle: Handle, gpm: bool) -> None:
        self._handle = handle
        self._asked = question(list(RATIOS)) if gpm else None
        self._kept: dict[int, _Kept] = {}
        self._looked_again = False
        self.worked: float | None = None
        """Seconds of compute slices since the last read; None: no instance tells."""

    def renew(self, on: bool, errors: Errors) -> None:
        """Look which instances there are; one that was made anew begins a window of its own."""
        self._looked_again = False
        found = {one.gi: one for one in instances(self._handle, errors)} if on else {}
        for gi, kept in list(self._kept.items()):
            if gi not in found or found[gi].devices != kept.instance.devices:
                self._free(self._kept.pop(gi))
        for gi, one in found.items():
            if gi not in self._kept:
                window = Window(self._handle, gi) if self._asked else None
                readings = Readings(one.handles[0], MIG_ROWS, ())
                self._kept[gi] = _Kept(one, readings, window)

    def read(self, now: float, errors: Errors) -> tuple[MigInstance, ...]:
        """Every instance; one that does not answer has no values, and may have gone away."""
        self.worked = None
        found = tuple(self._instance(kept, now, errors) for kept in self._kept.values())
        if not self._looked_again and not all(one.values for one in found):
            self.renew(True, errors)
            self._looked_again = True
        return found

    def handles(self) -> list[tuple[Handle, int | None]]:
        """Of every MIG device, with its GPU instance."""
        kept = self._kept.items()
        return [(handle, gi) for gi, one in kept for handle in one.instance.handles]

    def free(self) -> None:
        """Give the driver's buffers back."""
        while self._kept:
            self._free(self._kept.popitem()[1])

    def _instance(self, kept: _Kept, now: float, errors: Errors) -> MigInstance:
        values, seconds = kept.readings.read("F", errors), 0.0
        if kept.window and self._asked:
            metrics, seconds = kept.window.last(self._asked, now, errors)
            values.update(ratios(metrics, RATIOS))
        one = MigInstance(kept.instance.gi, kept.instance.slices, kept.instance.devices, values)
        if (active := one.activity) is not None:
            self.worked = (self.worked or 0.0) + one.slices * active * seconds
        return one

    def _free(self, kept: _Kept) -> None:
        if kept.window:
            kept.window.free()
