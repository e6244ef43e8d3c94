"""XIDs: errors that the driver reports by number, how often each was seen, and what it means."""

import csv
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from agent.catalogue import Series, Values

CODES_MOST = 64
"""Codes by GPU that are told apart; the rest counts as ``other``."""
OTHER = "other"


@dataclass(frozen=True)
class Xid:
    """``severity``: info, warning or critical. ``cause``: application, driver, hardware or link."""

    code: str
    severity: str
    cause: str
    text: str


def _read() -> dict[str, Xid]:
    lines = resources.files("agent").joinpath("xids.csv").read_text(encoding="utf-8").splitlines()
    return {row["code"]: Xid(**row) for row in csv.DictReader(lines)}


XIDS: Mapping[str, Xid] = _read()
"""By code."""


def meaning(code: str) -> Xid:
    """What a code means; one that is not in the catalogue is worth a look."""
    return XIDS.get(code) or Xid(
        code, "unknown", "unknown", "An error that is not in the catalogue."
    )


@dataclass(frozen=True)
class Seen:
    """A code on a GPU, since the agent started. ``last``: seconds of the epoch."""

    count: int
    last: float


class XidTally:
    """Counts by GPU and code; written by the thread of events, read by the sampler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[str, dict[str, Seen]] = {}
        self._values: dict[str, Values] = {}

    def count(self, uuid: str, code: int, at: float) -> None:
        """One event."""
        with self._lock:
            seen = self._seen.setdefault(uuid, {})
            label = str(code)
            if label not in seen and len(seen) >= CODES_MOST:
                label = OTHER
            before = seen.get(label, Seen(0, 0.0))
            self._seen[uuid] = {**seen, label: Seen(before.count + 1, max(at, before.last))}
            self._values.pop(uuid, None)

    def seen(self, uuid: str) -> Mapping[str, Seen]:
        """Codes of a GPU; the mapping does not change any more."""
        with self._lock:
            return self._seen.get(uuid, {})

    def values(self, uuid: str) -> Values:
        """The series of a GPU."""
        with self._lock:
            if uuid not in self._values:
                self._values[uuid] = _series(self._seen.get(uuid, {}))
            return self._values[uuid]


def _series(seen: Mapping[str, Seen]) -> Values:
    found: dict[Series, float] = {}
    for code, one in seen.items():
        what = meaning(code)
        found["neurox_gpu_xid_errors_total", (code,)] = one.count
        found["neurox_gpu_xid_last_timestamp_seconds", (code,)] = one.last
        found["neurox_gpu_xid_info", (code, what.severity, what.cause, what.text)] = 1
    return found
