"""What the cluster looks like now, in memory, kept up by watches and by our own writes."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from controllers.workload import seen

T = TypeVar("T")


class Table(Generic[T]):
    """Objects of one kind by key. Older versions never overwrite newer ones."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._rows: dict[str, tuple[int, T]] = {}
        self._gone: dict[str, None] = {}
        self._lock = Lock()
        self.changed = changed

    def replace(self, rows: dict[str, tuple[int, T]]) -> int:
        """Take a whole list; answers how many objects differed from what was kept."""
        with self._lock:
            old, self._rows = self._rows, rows
        drift = sum(1 for key, row in rows.items() if old.get(key, (0, None))[1] != row[1])
        return drift + sum(1 for key in old if key not in rows)

    def put(self, key: str, version: int, value: T) -> None:
        """Take an object as it is at a version."""
        with self._lock:
            known = self._rows.get(key)
            if key in self._gone or (known and known[0] > version):
                return
            self._rows[key] = (version, value)
        if known is None or known[1] != value:
            self.changed()

    def remove(self, key: str) -> None:
        """Forget an object; an answer to our own write that comes late cannot bring it back."""
        with self._lock:
            known = self._rows.pop(key, None)
            if known:
                self._gone[key] = None
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
