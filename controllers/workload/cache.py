"""What the cluster looks like now, in memory, kept up by watches and by our own writes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from controllers.workload import seen

T = TypeVar("T")
LATE_SECONDS = 60.0
"""A list may be so late, as it comes from the API server's cache."""


class Table(Generic[T]):
    """Objects of one kind by key. Older versions never overwrite newer ones."""

    def __init__(
        self, changed: Callable[[], None], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._rows: dict[str, tuple[int, T]] = {}
        self._put_at: dict[str, float] = {}
        self._monotonic = monotonic
        self._gone: dict[str, float] = {}
        self._lock = Lock()
        self.changed = changed

    def replace(self, rows: dict[str, tuple[int, T]], version: int) -> int:
        """Take a whole list as it was at ``version``; answers how many objects differed from what
        was kept.

        What we were told a moment ago, of changes and deletions, may be newer, and stays. Not for
        ever: a cluster that was restored from a backup counts its versions anew, and has again what
        was deleted since.
        """
        since = self._monotonic() - LATE_SECONDS
        with self._lock:
            self._gone = {key: at for key, at in self._gone.items() if at > since}
            old, recent = self._rows, {key for key, at in self._put_at.items() if at > since}
            newer = {key: old[key] for key in recent if key in old and old[key][0] > version}
            rows = {key: row for key, row in rows.items() if key not in self._gone} | newer
            self._rows = rows
            self._put_at = {key: at for key, at in self._put_at.items() if key in newer}
        drift = sum(1 for key, row in rows.items() if old.get(key, (0, None))[1] != row[1])
        return drift + sum(1 for key in old if key not in rows)

    def put(self, key: str, version: int, value: T) -> None:
        """Take an object as it is at a version."""
        with self._lock:
            known = self._rows.get(key)
            if key in self._gone or (known and known[0] > version):
                return
            self._rows[key] = (version, value)
            self._put_at[key] = self._monotonic()
        if known is None or known[1] != value:
            self.changed()

    def remove(self, key: str) -> None:
        """Forget an object; an answer to our own write that comes late cannot bring it back."""
        with self._lock:
            known = self._rows.pop(key, None)
            self._put_at.pop(key, None)
            if known:
                self._gone[key] = self._monotonic()
            while len(self._gone) > 1000:
                del self._gone[next(iter(self._gone))]
        if known:
            self.changed()

    def values(self) -> list[T]:
        """All objects."""
        with self._lock:
            return [value for _, value in self._rows.values()]


@dataclass(frozen=True)
class View:
    """The cluster at one moment; ``at`` is when it was last known to be complete."""

    nodes: list[seen.Node]
    pods: list[seen.Pod]
    jobs: list[seen.Job]
    managed: frozenset[str]
    """Names of managed namespaces."""
    at: float = 0.0


class Cache:
    """The four tables that decisions are made from."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.nodes: Table[seen.Node] = Table(changed)
        self.pods: Table[seen.Pod] = Table(changed)
        self.jobs: Table[seen.Job] = Table(changed)
        self.namespaces: Table[seen.Namespace] = Table(changed)

    def view(self, at: float) -> View:
        """A copy to decide from."""
        return View(
            nodes=self.nodes.values(),
            pods=self.pods.values(),
            jobs=self.jobs.values(),
            managed=frozenset(n.name for n in self.namespaces.values() if n.managed),
            at=at,
        )
