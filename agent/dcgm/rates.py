"""Bytes per second out of counters of bytes, which the driver is asked for every few seconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.catalogue import Series
from agent.snapshot import Snapshot

COUNTED = frozenset({"neurox_gpu_pcie_bytes_total", "neurox_gpu_nvlink_bytes_total"})
QUIET_SECONDS = 30.0
"""A counter that was not seen to change for longer stands still."""
READ_SECONDS = 10.0
"""So often the driver is asked: what stands still stood still so long ago."""


@dataclass(frozen=True)
class _Seen:
    value: float
    at: float
    rate: float | None = None


class Rates:
    """Follows each snapshot; a rate is the mean between the last two changes of its counter."""

    def __init__(self) -> None:
        self._seen: dict[str, dict[Series, _Seen]] = {}

    def follow(self, snapshot: Snapshot) -> None:
        """Take note of a new snapshot."""
        self._seen = {
            gpu.identity.uuid: {
                series: _next(self._seen.get(gpu.identity.uuid, {}).get(series), value, at)
                for series, value in gpu.values.items()
                if series[0] in COUNTED
            }
            for gpu in snapshot.gpus
            for at in (snapshot.taken_at,)
        }

    def of(self, uuid: str) -> Mapping[Series, float]:
        """What is known of a GPU; nothing of a counter that was seen only once."""
        seen = self._seen.get(uuid, {})
        return {series: one.rate for series, one in seen.items() if one.rate is not None}


def _next(last: _Seen | None, value: float, at: float) -> _Seen:
    if last is None or value < last.value:
        return _Seen(value, at)
    if value > last.value:
        return _Seen(value, at, (value - last.value) / (at - last.at)) if at > last.at else last
    quiet = last.rate == 0 or at - last.at >= QUIET_SECONDS
    return _Seen(value, at - READ_SECONDS, 0.0) if quiet else last
