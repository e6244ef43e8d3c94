"""Bring each cluster's state into Redis: one long-polling thread a cluster."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable

from redis.exceptions import RedisError

from controllers.control.backoff import Backoff
from controllers.control.manager import Manager
from controllers.control.sound import require_sound
from controllers.domain.cluster import Cluster, StateDelta
from controllers.domain.errors import DomainError, Unreachable
from controllers.loop import Shutdown
from controllers.store.clusters import Clusters
from controllers.store.states import ClusterMeta, States

log = logging.getLogger(__name__)

WAIT_SECONDS = 20.0
PAUSE_SECONDS = 0.2
"""Between two polls, so that a busy cluster's changes come in handfuls."""
STREAM_SECONDS = 30.0
"""An older stream is replaced before its next poll, so that no relay-server that leaves cuts it."""


def follows(meta: ClusterMeta | None, delta: StateDelta) -> bool:
    """Whether the delta can be laid over what is known; a full one always can."""
    if delta.full:
        return True
    return meta is not None and delta.epoch == meta.epoch and delta.revision >= meta.revision


def poll(states: States, manager: Manager, cluster_id: str, wait: float) -> StateDelta:
    """The next delta that fits what is stored; asks for everything when one does not."""
    meta = states.meta(cluster_id)
    if meta is not None:
        delta = manager.state(meta.epoch, meta.revision, wait)
        if follows(meta, delta):
            return delta
    delta = manager.state("", 0, 0)
    if not delta.full:
        raise Unreachable("the manager was asked for its full state and sent a part")
    return delta


class ClusterSync:
    """The thread of one cluster; ``connect`` makes its manager, anew after each failure."""

    def __init__(
        self,
        cluster: Cluster,
        states: States,
        connect: Callable[[str], Manager],
        leading: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cluster = cluster
        self._states = states
        self._connect = connect
        self._leading = leading
        self._monotonic = monotonic
        self._manager: Manager | None = None
        self._made_at = 0.0
        self._shutdown = Shutdown()
        self._backoff = Backoff()

    def end(self) -> None:
        """Ask the thread to end; what a poll in flight brings is thrown away."""
        self._shutdown.request()

    def run(self) -> None:
        """Poll until asked to end; each failure waits longer than the last."""
        try:
            self._follow()
        finally:
            self._let_go()

    def _follow(self) -> None:
        while self._wanted():
            try:
                delta = poll(self._states, self._reached(), self._cluster.id, WAIT_SECONDS)
                if not self._wanted():
                    return
                require_sound(delta)
                self._states.apply(self._cluster.id, delta)
            except (DomainError, RedisError) as failure:
                self._let_go()
                self._note(failure)
                self._shutdown.sleep(self._failed(failure))
                continue
            self._succeeded()
            self._shutdown.sleep(PAUSE_SECONDS)

    def _reached(self) -> Manager:
        if self._monotonic() - self._made_at > STREAM_SECONDS:
            self._let_go()
        if self._manager is None:
            self._manager = self._connect(self._cluster.id)
            self._made_at = self._monotonic()
        return self._manager

    def _let_go(self) -> None:
        if self._manager is not None:
            self._manager.close()
        self._manager = None

    def _wanted(self) -> bool:
        return self._leading() and not self._shutdown.requested

    def _failed(self, failure: Exception) -> float:
        if not self._backoff.failing:
            log.warning("cluster %s does not answer: %s", self._cluster.name, failure)
        return self._backoff.failed()

    def _note(self, failure: Exception) -> None:
        """For the cluster's check-list."""
        with contextlib.suppress(RedisError):
            self._states.failed(self._cluster.id, str(failure))

    def _succeeded(self) -> None:
        if self._backoff.failing:
            log.info("cluster %s answers again", self._cluster.name)
        self._backoff.succeeded()


class Sync:
    """Keeps one thread a cluster: starts those of new clusters, ends those of removed ones."""

    def __init__(
        self,
        clusters: Clusters,
        states: States,
        connect: Callable[[str], Manager],
        leading: Callable[[], bool],
    ) -> None:
        self._clusters = clusters
        self._states = states
        self._connect = connect
        self._leading = leading
        self._running: dict[str, tuple[threading.Thread, ClusterSync]] = {}

    def step(self) -> None:
        """One look at the cluster records."""
        clusters = {cluster.id: cluster for cluster in self._clusters.all()}
        alive = {name for name, (thread, _) in self._running.items() if thread.is_alive()}
        for name in self._running.keys() - clusters.keys():
            self._running.pop(name)[1].end()
        self._start(clusters[name] for name in clusters.keys() - alive)

    def close(self) -> None:
        """End all threads."""
        for _, sync in list(self._running.values()):  # a step may still be under way
            sync.end()

    def _start(self, clusters: Iterable[Cluster]) -> None:
        for cluster in clusters:
            sync = ClusterSync(cluster, self._states, self._connect, self._leading)
            # A daemon: a poll may hang for its whole wait, and nothing is lost by cutting it.
            thread = threading.Thread(target=sync.run, name=f"sync-{cluster.name}", daemon=True)
            self._running[cluster.id] = (thread, sync)
            thread.start()
            log.info("following cluster %s", cluster.name)
