"""What each cluster last reported: nodes, workloads, and how fresh they are."""

import contextlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import cast

import msgspec
from redis import Redis
from redis.exceptions import WatchError

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.workload import FINISHED, Reason, Workload
from controllers.store import keys

FAILURE_SECONDS = 120
FAILURE_WORDS = 300
FINISHED_KEPT = 500
"""Finished workloads kept a cluster; the oldest go first."""

VANISHED = Reason("VANISHED", "Its object was deleted in the cluster.")
REMOVED = Reason("REMOVED", "Its cluster was removed from Neurox; there it may run on.")


@dataclass(frozen=True)
class ClusterMeta:
    """The head of a cluster's last report. Epoch seconds; ``received_at`` is by the hub's clock."""

    epoch: str
    revision: int
    observed_at: float
    received_at: float
    kubernetes_version: str
    manager_version: str
    policy_revision: str | None = None
    namespaces: tuple[str, ...] = ()


class States:
    """Three keys a cluster: its report's head, a hash of nodes, a hash of workloads."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock

    def apply(self, cluster_id: str, delta: StateDelta) -> None:
        """Take a report in, at once for every reader; only the leading control-manager calls it.

        A former leader may not know yet that it is none: what it brings late is left out.
        """
        head = keys.cluster_meta(cluster_id)
        with self._redis.pipeline(transaction=True) as pipe, contextlib.suppress(WatchError):
            pipe.watch(head)
            if _older(delta, self.meta(cluster_id)):
                return
            nodes, workloads = self._rows(cluster_id, delta)
            pipe.multi()
            for key, rows in (
                (keys.cluster_nodes(cluster_id), nodes),
                (keys.cluster_workloads(cluster_id), workloads),
            ):
                for name, row in rows.items():
                    if row is None:
                        pipe.hdel(key, name)
                    else:
                        pipe.hset(key, name, msgspec.json.encode(row))
            pipe.set(head, msgspec.json.encode(_meta(delta, self._clock())))
            pipe.delete(keys.cluster_failure(cluster_id))
            pipe.execute()

    def failed(self, cluster_id: str, words: str) -> None:
        """Note why there is no report, for as long as that is news."""
        key = keys.cluster_failure(cluster_id)
        self._redis.set(key, words[:FAILURE_WORDS], ex=FAILURE_SECONDS)

    def failure(self, cluster_id: str) -> str:
        """Why there was no report last time; empty when there was one."""
        row = self._redis.get(keys.cluster_failure(cluster_id))
        return "" if row is None else _text(cast(bytes, row))

    def meta(self, cluster_id: str) -> ClusterMeta | None:
        """The head of the last report; None when the cluster never reported."""
        row = self._redis.get(keys.cluster_meta(cluster_id))
        return None if row is None else msgspec.json.decode(row, type=ClusterMeta)

    def nodes(self, cluster_id: str) -> list[Node]:
        """The cluster's nodes by name."""
        rows = self._redis.hvals(keys.cluster_nodes(cluster_id))
        return sorted((msgspec.json.decode(row, type=Node) for row in rows), key=lambda n: n.name)

    def workloads(self, cluster_id: str) -> list[Workload]:
        """The cluster's workloads, and the last that finished, by id."""
        rows = self._redis.hvals(keys.cluster_workloads(cluster_id))
        return sorted((msgspec.json.decode(row, type=Workload) for row in rows), key=lambda w: w.id)

    def reported(self) -> list[str]:
        """Ids of all clusters of which a report is kept."""
        prefix, suffix = keys.cluster_meta("*").split("*")
        found = self._redis.scan_iter(keys.cluster_meta("*"), count=1000)
        return sorted(_text(key).removeprefix(prefix).removesuffix(suffix) for key in found)

    def retire(self, cluster_id: str) -> None:
        """Of a cluster that was removed, keep its nodes, and its workloads as they ended."""
        now = self._clock()
        rows = {w.id: ended(w, now, REMOVED) for w in self.workloads(cluster_id)}
        for name in surplus(rows.values()):
            del rows[name]
        key = keys.cluster_workloads(cluster_id)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.delete(key, *_now(cluster_id))
            for name, row in rows.items():
                pipe.hset(key, name, msgspec.json.encode(row))
            pipe.execute()

    def forget(self, cluster_id: str) -> None:
        """Drop all that the cluster reported, its GPUs' samples too."""
        history = (keys.cluster_nodes(cluster_id), keys.cluster_workloads(cluster_id))
        self._redis.delete(*history, *_now(cluster_id))

    def _rows(
        self, cluster_id: str, delta: StateDelta
    ) -> tuple[dict[str, Node | None], dict[str, Workload | None]]:
        """What to write by name; None: it is to go."""
        nodes: dict[str, Node | None] = dict(delta.nodes)
        workloads: dict[str, Workload | None] = dict(delta.workloads)
        if delta.full:
            nodes = {n.name: nodes.get(n.name) for n in self.nodes(cluster_id)} | nodes
            workloads = {w.id: workloads.get(w.id) for w in self.workloads(cluster_id)} | workloads
        if workloads:
            workloads = self._kept(cluster_id, workloads, delta.observed_at)
        return nodes, workloads

    def _kept(
        self, cluster_id: str, changes: dict[str, Workload | None], now: float
    ) -> dict[str, Workload | None]:
        """``changes`` with each vanished workload as finished, and None for those too many."""
        rows = {workload.id: workload for workload in self.workloads(cluster_id)}
        written: dict[str, Workload | None] = {}
        for name, change in changes.items():
            workload = ended(rows[name], now) if change is None and name in rows else change
            if workload is not None:
                rows[name] = written[name] = workload
        return written | dict.fromkeys(surplus(rows.values()))


def _older(delta: StateDelta, known: ClusterMeta | None) -> bool:
    if known is None:
        return False
    if known.epoch != delta.epoch:
        return not delta.full
    return delta.revision < known.revision


def ended(workload: Workload, now: float, reason: Reason = VANISHED) -> Workload:
    """What is kept of a workload whose object is gone; a finished one stays as it was."""
    if workload.state in FINISHED:
        return workload
    return replace(workload, state="Stopped", reason=reason, finished_at=now, members=())


def surplus(workloads: Iterable[Workload], kept: int = FINISHED_KEPT) -> list[str]:
    """Ids of the finished workloads beyond ``kept``, oldest first."""
    finished = [workload for workload in workloads if workload.state in FINISHED]
    finished.sort(key=lambda w: (w.finished_at or 0.0, w.id))
    return [workload.id for workload in finished[: max(0, len(finished) - kept)]]


def _now(cluster_id: str) -> tuple[str, ...]:
    """The keys of what is true only now."""
    return (
        keys.cluster_meta(cluster_id),
        keys.cluster_failure(cluster_id),
        keys.cluster_gpus(cluster_id),
    )


def _meta(delta: StateDelta, now: float) -> ClusterMeta:
    return ClusterMeta(
        epoch=delta.epoch,
        revision=delta.revision,
        observed_at=delta.observed_at,
        received_at=now,
        kubernetes_version=delta.kubernetes_version,
        manager_version=delta.manager_version,
        policy_revision=delta.policy_revision,
        namespaces=delta.namespaces,
    )


def _text(key: bytes | str) -> str:
    return key.decode() if isinstance(key, bytes) else key
