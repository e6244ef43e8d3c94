"""Keeps one table equal to the API server's: one list, then a watch that is resumed."""

import logging
import random
import time
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from controllers.loop import Shutdown
from controllers.workload import wire
from controllers.workload.cache import Table
from controllers.workload.kube import KubeApi, KubeError, Silence

log = logging.getLogger(__name__)
T = TypeVar("T")
SILENCE_SECONDS = 90.0
"""A quiet cluster sends nothing for minutes, and so does a dead connection: so long a silence ends
the watch, and the next one begins where it was."""
WATCH_SECONDS = (300, 600)
RELIST_SECONDS = 3600.0
"""A whole list once an hour shows whether the watch has lost anything; it should not have."""

_listing = msgspec.json.Decoder(wire.Listing)
_event = msgspec.json.Decoder(wire.Event)
_bookmark = msgspec.json.Decoder(wire.Bookmark)
_status = msgspec.json.Decoder(wire.Status)


class _Identified(msgspec.Struct):
    metadata: wire.Meta


_identified = msgspec.json.Decoder(_Identified)


class Reflector(Generic[T]):
    """List and watch of one resource; ``step`` returns when the watch ends."""

    def __init__(
        self, api: KubeApi, path: str, table: Table[T], keep: Callable[[bytes], T | None]
    ) -> None:
        self.path = path
        self.lists = 0
        self.drift = 0
        """Objects that a later list found different from what the watch had told."""
        self._api = api
        self._table = table
        self._keep = keep
        self._version = ""
        self._listed_at = 0.0
        self._watching = False
        self._heard_at = 0.0

    @property
    def synced(self) -> bool:
        """The table has been complete once."""
        return self.lists > 0

    def known_at(self, now: float) -> float:
        """When the table was last known to be up to date, in epoch seconds."""
        return now if self._watching else self._heard_at

    def list(self) -> None:
        """Replace the table by the API server's list, served from its watch cache."""
        listing = _listing.decode(self._api.get(self.path, {"resourceVersion": "0"}))
        rows = {}
        for raw in listing.items or ():
            meta = _identified.decode(raw).metadata
            kept = self._kept(raw)
            if kept is not None:
                rows[meta.uid] = (int(meta.resource_version), kept)
        drift = self._table.replace(rows, int(listing.metadata.resource_version))
        if self.lists:
            self.drift += drift
        self.lists += 1
        self._version = listing.metadata.resource_version
        self._heard_at = self._listed_at = time.time()
        self._table.changed()

    def step(self, shutdown: Shutdown) -> None:
        """List if needed, then watch until the server ends it; logs why when it broke."""
        try:
            if not self._version or time.time() - self._listed_at > RELIST_SECONDS:
                self.list()
            self._watch(shutdown)
        except Silence:
            log.debug("watch of %s fell silent and is resumed", self.path)
        except KubeError as error:
            if error.status == 410:
                self._version = ""
            log.warning("watch of %s ended: %s", self.path, error)
            # Many managers must not list at the same moment after an outage.
            shutdown.sleep(random.uniform(0.2, 2.0))  # noqa: S311
        finally:
            self._stop()

    def _stop(self) -> None:
        if self._watching:
            self._heard_at = time.time()  # first: who asks in between is told the truth
            self._watching = False

    def _watch(self, shutdown: Shutdown) -> None:
        seconds = random.uniform(*WATCH_SECONDS)  # noqa: S311
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(int(seconds)),
        }
        lines = self._api.lines(self.path, query, SILENCE_SECONDS)
        self._watching = True
        for line in lines:
            if shutdown.requested:
                return
            self._take(_event.decode(line))

    def _take(self, event: wire.Event) -> None:
        if event.type == "BOOKMARK":
            self._version = _bookmark.decode(event.object).metadata.resource_version
            return
        if event.type == "ERROR":
            status = _status.decode(event.object)
            self._version = "" if status.code in (0, 410) else self._version
            raise KubeError(status.code, status.message)
        meta = _identified.decode(event.object).metadata
        kept = None if event.type == "DELETED" else self._kept(event.object)
        if kept is None:
            self._table.remove(meta.uid)
        else:
            self._table.put(meta.uid, int(meta.resource_version), kept)
        self._version = meta.resource_version

    def _kept(self, raw: msgspec.Raw) -> T | None:
        """What matters of an object; one that cannot be understood must not hide the others."""
        try:
            return self._keep(bytes(raw))
        except (ValueError, msgspec.MsgspecError) as error:
            meta = _identified.decode(raw).metadata
            log.warning("%s %s/%s is left out: %s", self.path, meta.namespace, meta.name, error)
            return None
