"""Notes in Redis of when each cluster came, went, was refused or was heard of: people ask that."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from controllers.relay.event_loop import passed
from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.pool import Pools
from controllers.relay.websocket import AGENT
from controllers.relay.wire import shown
from controllers.store import keys
from controllers.store.links import HISTORY_MOST, Turn

log = logging.getLogger(__name__)
LOOK_SECONDS = 10.0
GAP_SECONDS = 0.5
"""Between two writes: however often a cluster is refused, it costs Redis no more than this."""
KEPT_SECONDS = 30 * 86400
CLUSTERS_MOST = 5000
"""Whose notes may wait at once; a stranger can name any number of clusters."""
WORDS_MOST = 300


@dataclass
class _Notes:
    """What is not yet written of one cluster."""

    fields: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    turns: deque[Turn] = field(default_factory=lambda: deque(maxlen=HISTORY_MOST))


class Contacts:
    """The last note of a kind replaces the one before; only clusters with a record have any."""

    def __init__(self, registry: Registry, replica: str) -> None:
        self._registry = registry
        self._replica = replica
        self._waiting: dict[str, _Notes] = {}
        self._news = asyncio.Event()
        self._counted: dict[tuple[str, str], int] = {}

    def joined(self, cluster_id: str, version: str) -> None:
        """It has redeemed a token."""
        now = _now()
        self._note(cluster_id, heard_at=now, admitted_at=now, version=_version(version))

    def refused(self, cluster_id: str, status: int, words: str) -> None:
        """It, or somebody who calls himself so, was not let in."""
        now, said = _now(), words[:WORDS_MOST]
        self._note(
            cluster_id, heard_at=now, refused_at=now, refused_status=str(int(status)), refused=said
        )

    def changed(self, cluster_id: str, connected: bool, why: str) -> None:
        """Its first connection is here, or its last one is gone."""
        now = _now()
        if connected:
            self._note(cluster_id, heard_at=now, admitted_at=now)
        notes = self._of(cluster_id)
        if notes is not None:
            reason = why[:WORDS_MOST]
            notes.turns.append(Turn(time.time(), connected, self._replica, reason))
            self._news.set()

    def runs(self, cluster_id: str, agent: str) -> None:
        """Its relay-client says what it is, in the User-Agent header."""
        name, _, version = agent.partition("/")
        if name == AGENT and version:
            self._note(cluster_id, version=_version(version))

    async def run(self, pools: Pools, gateway: Gateway) -> None:
        """Write what there is to write, for ever, and once more at the end."""
        loop = asyncio.get_running_loop()
        looked_at = 0.0
        try:
            while True:
                await passed(LOOK_SECONDS, self._news)
                self._news.clear()
                if loop.time() - looked_at >= LOOK_SECONDS:
                    looked_at = loop.time()
                    self._look(pools, gateway)
                await self._write()
                await asyncio.sleep(GAP_SECONDS)
        finally:
            await self._write()

    def _look(self, pools: Pools, gateway: Gateway) -> None:
        for pool in pools:
            self._count(pool.cluster_id, "bytes_in", pool.bytes_in)
            self._count(pool.cluster_id, "bytes_out", pool.bytes_out)
            if pool.links:
                known = {} if pool.rtt is None else {"rtt": f"{pool.rtt:.6f}"}
                self._note(pool.cluster_id, heard_at=_now(), **known)
                pool.measure()
        for cluster_id, write in gateway.last.items():
            self._count(cluster_id, "write_bytes", gateway.bytes[cluster_id])
            fields = {"written_at": repr(write.at), "write_status": str(write.status)}
            if write.taken_at is not None:
                fields["taken_at"] = repr(write.taken_at)
            self._note(cluster_id, **fields)

    def _count(self, cluster_id: str, name: str, total: int) -> None:
        """Other replicas count too, so only what came since is added."""
        more = total - self._counted.get((cluster_id, name), 0)
        notes = self._of(cluster_id) if more else None
        if notes is not None:
            self._counted[cluster_id, name] = total
            notes.counts[name] = notes.counts.get(name, 0) + more

    def _note(self, cluster_id: str, **fields: str) -> None:
        notes = self._of(cluster_id)
        if notes is not None:
            notes.fields.update(fields)
            self._news.set()

    def _of(self, cluster_id: str) -> _Notes | None:
        if cluster_id not in self._waiting and len(self._waiting) >= CLUSTERS_MOST:
            return None
        return self._waiting.setdefault(cluster_id, _Notes())

    async def _write(self) -> None:
        """What cannot be written now waits; newer notes of the same kind take its place."""
        taken, self._waiting = self._waiting, {}
        if not taken:
            return
        written = False
        try:
            known = await self._registry.recorded(list(taken))
            await self._registry.say(_commands(taken, known))
            written = True
        except RegistryDown as failure:
            log.warning("%s; notes of %d clusters wait", failure, len(taken))
        finally:
            if not written:  # or we were cancelled, and write once more at the end
                self._take_back(taken)

    def _take_back(self, taken: dict[str, _Notes]) -> None:
        for cluster_id, newer in self._waiting.items():
            if cluster_id in taken:
                _merge(taken[cluster_id], newer)
            else:
                taken[cluster_id] = newer
        self._waiting = taken


def _commands(taken: Mapping[str, _Notes], known: set[str]) -> list[tuple[object, ...]]:
    """The Redis commands that write the notes of clusters that have a record."""
    found: list[tuple[object, ...]] = []
    for cluster_id in taken.keys() & known:
        notes, contact = taken[cluster_id], keys.relay_contact(cluster_id)
        if notes.fields:
            found.append(("HSET", contact, *(part for row in notes.fields.items() for part in row)))
        found += [("HINCRBY", contact, name, more) for name, more in notes.counts.items()]
        found.append(("EXPIRE", contact, KEPT_SECONDS))
        if notes.turns:
            history = keys.relay_history(cluster_id)
            found.append(("LPUSH", history, *map(msgspec.json.encode, notes.turns)))
            found.append(("LTRIM", history, 0, HISTORY_MOST - 1))
            found.append(("EXPIRE", history, KEPT_SECONDS))
    return found


def _merge(older: _Notes, newer: _Notes) -> None:
    older.fields.update(newer.fields)
    older.turns.extend(newer.turns)
    for name, more in newer.counts.items():
        older.counts[name] = older.counts.get(name, 0) + more


def _version(said: str) -> str:
    """As the cluster says it, which may be anything."""
    return shown(said[:64])


def _now() -> str:
    return repr(time.time())
