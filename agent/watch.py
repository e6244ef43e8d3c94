"""Some objects of the API server, listed in pages and then watched; only what is kept of each."""

import http.client
import json
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from agent.apiserver import ApiFailed, ApiServer, body

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE = 25
RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 1.0, 60.0
_WATCH_SECONDS = (140, 280)
_SILENCE_SECONDS = 150.0
"""The API server sends a bookmark each minute; none for so long: the connection is dead."""
_OBJECTS_MAX = 10_000
_LINE_MAX = 4 * 1024 * 1024
_EXPIRED = 410


@dataclass(frozen=True)
class Resource(Generic[T]):
    """What to follow. ``keep`` says what is kept of an object; None: nothing."""

    paths: tuple[str, ...]
    """By version of the API, newest first."""
    selector: str
    metadata: bool
    """Whether nothing else of an object is needed, nor asked for."""
    keep: Callable[[Mapping[str, Any]], T | None]


class Watch(Generic[T]):
    """``items`` by uid; it is replaced at each change, never changed. ``up``: they are current."""

    def __init__(self, api: ApiServer, resource: Resource[T]) -> None:
        self.up = False
        self.items: Mapping[str, T] = {}
        self._api = api
        self._resource = resource
        self._path = 0
        self.version: str | None = None
        """From where a watch goes on; None: everything has to be listed first."""
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Follow until ``stop``; whatever fails is tried again with back-off."""
        wait = RETRY_FIRST_SECONDS
        while not stop.is_set():
            began = time.monotonic()
            try:
                with closing(self._api.connect()) as link:
                    self._follow(link)
            except (ApiFailed, OSError, http.client.HTTPException, ValueError, KeyError) as error:
                self._failed(error)
            except Exception:
                log.exception("%s: watch failed, next try in %gs", self._name, wait)
                self.up, self.version = False, None
            if time.monotonic() - began > RETRY_MOST_SECONDS:
                wait = RETRY_FIRST_SECONDS
            stop.wait(wait * random.uniform(0.5, 1))  # noqa: S311
            wait = min(wait * 2, RETRY_MOST_SECONDS)

    @property
    def _name(self) -> str:
        return self._resource.paths[self._path].rpartition("/")[2]

    def _follow(self, link: http.client.HTTPConnection) -> None:
        if self.version is None:
            self._list(link)
        self._watch(link)

    def _failed(self, error: Exception) -> None:
        status = error.status if isinstance(error, ApiFailed) else 0
        if status == _EXPIRED:
            self.version = None
            return
        if isinstance(error, ValueError | KeyError):  # The same event would come again.
            self.version = None
        if status == 404:  # An older cluster: the next version of the API.
            self._path = (self._path + 1) % len(self._resource.paths)
        if not self._failing:
            reason = str(error) or type(error).__name__
            log.warning("%s of %s: %s; trying again", self._name, self._api.url, reason)
        self.up, self._failing = False, True

    def _get(self, link: http.client.HTTPConnection, **query: str) -> http.client.HTTPResponse:
        asked = {"fieldSelector": self._resource.selector, **query}
        accept = "application/json"
        if self._resource.metadata:
            # Each kind of answer by its own name: the server cannot make a watch of the list's.
            kind = "PartialObjectMetadata" + ("" if "watch" in query else "List")
            accept = f"application/json;as={kind};g=meta.k8s.io;v=v1,{accept}"
        return self._api.get(link, self._resource.paths[self._path], asked, accept)

    def _list(self, link: http.client.HTTPConnection) -> None:
        found: dict[str, T] = {}
        more: dict[str, str] = {}
        for _ in range(_OBJECTS_MAX // PAGE):
            page = body(self._get(link, limit=str(PAGE), **more))
            for one in page.get("items") or ():
                if (kept := self._resource.keep(one)) is not None:
                    found[one["metadata"]["uid"]] = kept
            if not (token := page["metadata"].get("continue")):
                break
            more = {"continue": token}
        else:
            raise ApiFailed(f"more than {_OBJECTS_MAX} objects")
        self.items, self.version = found, page["metadata"]["resourceVersion"]
        if not self.up:
            log.info("%s of %s: %d here", self._name, self._api.url, len(found))
        self.up, self._failing = True, False

    def _watch(self, link: http.client.HTTPConnection) -> None:
        """Until the server ends it."""
        seconds = str(random.randint(*_WATCH_SECONDS))  # noqa: S311
        more = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        answer = self._get(link, resourceVersion=self.version or "", **more)
        self.up, self._failing = True, False
        if link.sock:
            link.sock.settimeout(_SILENCE_SECONDS)
        while line := answer.readline(_LINE_MAX):
            if not line.endswith(b"\n"):
                self.version = None
                raise ApiFailed(f"an event of more than {_LINE_MAX} bytes, or a cut one")
            self._take(json.loads(line))

    def _take(self, event: Mapping[str, Any]) -> None:
        one = event["object"]
        if event["type"] == "ERROR":
            raise ApiFailed(str(one.get("message")), int(one.get("code") or 0) or _EXPIRED)
        if event["type"] != "BOOKMARK":
            gone = event["type"] == "DELETED"
            self._keep(one["metadata"]["uid"], None if gone else self._resource.keep(one))
        self.version = one["metadata"]["resourceVersion"]

    def _keep(self, uid: str, kept: T | None) -> None:
        if kept is None:
            if uid in self.items:
                self.items = {key: item for key, item in self.items.items() if key != uid}
        elif self.items.get(uid) != kept and len(self.items) < _OBJECTS_MAX:
            self.items = {**self.items, uid: kept}
