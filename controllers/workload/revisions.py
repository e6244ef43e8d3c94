"""What changed since a revision, and waiting until something does."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Condition
from typing import Literal

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.workload import Workload

_Kind = Literal["nodes", "workloads"]
_Key = tuple[_Kind, str]
TOMBSTONES = 5000
"""How many things that are gone are remembered; who asks for older news gets everything."""


@dataclass(frozen=True)
class Report:
    """All that the control plane is told, at one moment (epoch seconds)."""

    nodes: Mapping[str, Node]
    workloads: Mapping[str, Workload]
    namespaces: tuple[str, ...]
    policy_revision: str | None


class RevisionLog:
    """The current report, each part with the revision that last changed it."""

    def __init__(self, kubernetes_version: str, manager_version: str) -> None:
        self.epoch = uuid.uuid4().hex
        self._versions = (kubernetes_version, manager_version)
        self._revision = 0
        self._floor = 0
        self._rows: dict[_Key, tuple[int, Node | Workload | None]] = {}
        """Oldest change first, because a changed row is put in anew."""
        self._gone: dict[_Key, None] = {}
        self._header: tuple[tuple[str, ...], str | None] = ((), None)
        self._header_revision = 0
        self._observed_at = 0.0
        self._changed = Condition()

    @property
    def published(self) -> bool:
        """There has been a report."""
        return self._revision > 0

    def publish(self, report: Report, observed_at: float) -> int:
        """Take the report as it is now and wake who waits; answers how many parts changed."""
        new: dict[_Key, Node | Workload] = {}
        new |= {("nodes", name): node for name, node in report.nodes.items()}
        new |= {("workloads", name): work for name, work in report.workloads.items()}
        header = (report.namespaces, report.policy_revision)
        with self._changed:
            self._observed_at = observed_at
            nothing = (0, None)
            changed = [key for key, row in new.items() if self._rows.get(key, nothing)[1] != row]
            gone = [key for key in self._rows if key not in new and key not in self._gone]
            if not changed and not gone and header == self._header and self._revision:
                return 0
            self._revision += 1
            if header != self._header:
                self._header, self._header_revision = header, self._revision
            for key in changed:
                self._gone.pop(key, None)
                self._set(key, new[key])
            for key in gone:
                self._gone[key] = None
                self._set(key, None)
            self._prune()
            self._changed.notify_all()
        return len(changed) + len(gone)

    def delta(self, epoch: str | None, since: int, wait: float) -> StateDelta:
        """What is news to someone who knows ``since``; waits up to ``wait`` seconds for some."""
        until = time.monotonic() + wait
        with self._changed:
            full = epoch != self.epoch or not self._floor <= since <= self._revision or not since
            while not full and since == self._revision:
                left = until - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
            full = full or since < self._floor
            return self._delta(0 if full else since, full)

    def _delta(self, since: int, full: bool) -> StateDelta:
        nodes: dict[str, Node | None] = {}
        workloads: dict[str, Workload | None] = {}
        for (kind, name), (revision, row) in reversed(self._rows.items()):
            if revision <= since:
                break
            if full and row is None:
                continue
            if kind == "nodes" and not isinstance(row, Workload):
                nodes[name] = row
            elif not isinstance(row, Node):
                workloads[name] = row
        kubernetes, manager = self._versions
        namespaces, policy_revision = self._header
        return StateDelta(
            epoch=self.epoch,
            revision=self._revision,
            full=full,
            observed_at=self._observed_at,
            kubernetes_version=kubernetes,
            manager_version=manager,
            policy_revision=policy_revision,
            namespaces=namespaces,
            nodes=nodes,
            workloads=workloads,
        )

    def _set(self, key: _Key, row: Node | Workload | None) -> None:
        self._rows.pop(key, None)
        self._rows[key] = (self._revision, row)

    def _prune(self) -> None:
        while len(self._gone) > TOMBSTONES:
            key = next(iter(self._gone))
            del self._gone[key]
            self._floor = max(self._floor, self._rows.pop(key)[0])
