"""Some objects of the API server, listed in pages and then watched; only what is kept of each."""

import http.client
import logging
import math
import random
import re
import reprlib
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Generic, TypeGuard, TypeVar

from agent.apiserver import ApiFailed, ApiServer, Malformed, body, in_time, parsed, said

T = TypeVar("T")
log = logging.getLogger(__name__)

PAGE = 25
RETRY_FIRST_SECONDS, RETRY_MOST_SECONDS = 1.0, 60.0
_WATCH_SECONDS = (140, 280)
_SILENCE_SECONDS = 150.0
"""The API server sends a bookmark each minute; none for so long: the connection is dead."""
_SHORT_SECONDS = 1.0
_OBJECTS_MAX = 10_000
_LINE_MAX = 4 * 1024 * 1024
_EXPIRED = 410
_HALF = re.compile("[\ud800-\udfff]")
_NEXT = "see that NEUROX_AGENT_KUBE_API names an API server"


@dataclass(frozen=True)
class Resource(Generic[T]):
    """What to follow. ``keep`` says what is kept of an object; None: nothing."""

    paths: tuple[str, ...]
    """By version of the API, newest first."""
    selector: str
    metadata: bool
    """Whether nothing else of an object is needed, nor asked for."""
    keep: Callable[[Mapping[str, Any]], T | None]


def text(about: Any, name: str, default: str | None = None) -> str:
    """A text of an object; TypeError says what stands there instead."""
    value = about.get(name, default) if isinstance(about, Mapping) else None
    if not _is_text(value):
        raise TypeError(f"{name} is {reprlib.repr(value)}, no text")
    return value


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is one; JSON may hold a half of a character, which no request can carry."""
    return isinstance(value, str) and not _HALF.search(value)


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
        self._failing = self._refused = False
        self._following = math.inf
        """Since when this watch is on."""

    def run(self, stop: threading.Event) -> None:
        """Follow until ``stop``; whatever fails is tried again with back-off."""
        wait = RETRY_FIRST_SECONDS
        while not stop.is_set():
            self._following = math.inf
            try:
                with closing(self._api.connect()) as link:
                    self._follow(link)
            except (ApiFailed, OSError, http.client.HTTPException) as error:
                self._failed(error)
            except Exception:
                log.exception("%s: watch failed, next try in %gs", self._name, wait)
                self.up, self.version = False, None
            # A server that is slow to answer is not one that answered.
            if time.monotonic() - self._following > RETRY_MOST_SECONDS:
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
        if status == _EXPIRED and self.version is not None:
            self.version = None  # All is listed anew, which tells whether something is wrong.
            return
        reason = str(error) or type(error).__name__
        if isinstance(error, Malformed):
            kind = "list" if self.version is None else "event"
            reason = f"the answer is no {kind} of {self._name}: {error}; {_NEXT}"
            self.version = None  # The same event would come again.
        if status == 404:  # An older cluster: the next version of the API.
            self._path = (self._path + 1) % len(self._resource.paths)
        if not self._failing:
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
        tokens: set[str] = set()
        token, empty = "", 0
        for _ in range(_OBJECTS_MAX // PAGE):
            more = {"continue": token} if token else {}
            with in_time(link):
                answer = self._get(link, limit=str(PAGE), **more)
                items, version, token = _page(body(answer))
            read = map(self._read, items)
            found.update((uid, kept) for uid, kept in read if kept is not None)
            if not token:
                break
            empty += not items
            if token in tokens or empty > 1:
                raise ApiFailed("the list has no end: it says that there is more, and has no more")
            tokens.add(token)
        else:
            raise ApiFailed(f"more than {_OBJECTS_MAX} objects")
        self.items, self.version = found, version
        if not self.up:
            log.info("%s of %s: %d here", self._name, self._api.url, len(found))
        self.up, self._failing = True, False

    def _watch(self, link: http.client.HTTPConnection) -> None:
        """Until the server ends it."""
        seconds = str(random.randint(*_WATCH_SECONDS))  # noqa: S311
        more = {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": seconds}
        with in_time(link) as sock:
            answer = self._get(link, resourceVersion=self.version or "", **more)
        self._following, told = time.monotonic(), False
        self.up, self._failing = True, False
        sock.settimeout(_SILENCE_SECONDS)
        while line := answer.readline(_LINE_MAX):
            if not line.endswith(b"\n"):
                self.version = None
                raise ApiFailed(f"an event of more than {_LINE_MAX} bytes, or a cut one")
            self._take(parsed(line))
            told = True
        if not told and time.monotonic() - self._following < _SHORT_SECONDS:
            self.version = None  # Whoever ends each watch like this never tells of a change.
            raise ApiFailed("the watch ended at once, without an event")

    def _take(self, event: Any) -> None:
        match event:
            case {"type": "ERROR", "object": {**status}}:
                code = status.get("code")
                known = code if isinstance(code, int) and code else _EXPIRED
                raise ApiFailed(said(status.get("message", "no message")), known)
            case {"type": kind, "object": {"metadata": {"resourceVersion": version}} as one} if (
                _is_text(version)
            ):
                if kind != "BOOKMARK":
                    self._keep(*self._read(one, kind == "DELETED"))
            case _:
                raise Malformed("no type, object or metadata.resourceVersion")
        self.version = version

    def _read(self, one: Any, gone: bool = False) -> tuple[str, T | None]:
        """Its uid, and what is kept of it: nothing of one in which something has a wrong type."""
        uid = ""
        try:
            uid = text(one["metadata"], "uid")
            return uid, None if gone else self._resource.keep(one)
        except (LookupError, TypeError, AttributeError) as error:
            if not self._refused:
                told = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
                message = "%s of %s: one is left out, and others like it: %s; %s"
                log.warning(message, self._name, self._api.url, told, _NEXT)
            self._refused = True
            return uid, None

    def _keep(self, uid: str, kept: T | None) -> None:
        if kept is None:
            if uid in self.items:
                self.items = {key: item for key, item in self.items.items() if key != uid}
        elif self.items.get(uid) != kept and len(self.items) < _OBJECTS_MAX:
            self.items = {**self.items, uid: kept}


def _page(answer: Any) -> tuple[list[Any], str, str]:
    """Items, version, and the token of the next page."""
    match answer:
        case {"metadata": {"resourceVersion": version, **about}, **rest}:
            items, token = rest.get("items") or [], about.get("continue") or ""
            if isinstance(items, list) and _is_text(version) and _is_text(token):
                return items, version, token
    raise Malformed("no items, or no metadata.resourceVersion")
