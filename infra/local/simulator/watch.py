"""List and watch one kind of object; what is known is always whole."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests

log = logging.getLogger(__name__)

Objects = Mapping[str, dict[str, Any]]
"""By uid."""

_PAGE = 500
_CONNECT_SECONDS = 5.0
_LIST_SECONDS = 30.0
_WATCH_SECONDS = 60
_QUIET_SECONDS = _WATCH_SECONDS + 15.0
"""The server ends a watch before this; silence for longer means that it is gone."""
_RETRY_SECONDS = 0.5


class _Expired(Exception):
    """The revision is too old; list again."""


class Watch:
    """Calls ``changed`` with every object, after the first list and after each change."""

    def __init__(
        self,
        session: requests.Session,
        url: str,
        selector: Mapping[str, str],
        changed: Callable[[Objects], None],
    ) -> None:
        self._session = session
        self._url = url
        self._selector = dict(selector)
        self._changed = changed
        self._objects: dict[str, dict[str, Any]] = {}

    def run(self, stop: threading.Event) -> None:
        """Follow until ``stop``; a failed pass is logged once and begins with a new list."""
        failing = False
        while not stop.is_set():
            try:
                revision = self._list()
                failing = False
                while not stop.is_set():
                    revision = self._watch(revision)
            except _Expired:
                continue
            except (requests.RequestException, ValueError, KeyError) as error:
                if not failing:
                    log.warning("%s: %s; trying again", self._url, error)
                failing = True
                stop.wait(_RETRY_SECONDS)

    def _list(self) -> str:
        found: dict[str, dict[str, Any]] = {}
        query = {**self._selector, "limit": str(_PAGE)}
        while True:
            answer = self._session.get(
                self._url, params=query, timeout=(_CONNECT_SECONDS, _LIST_SECONDS)
            )
            if answer.status_code == 410:
                raise _Expired
            answer.raise_for_status()
            page = answer.json()
            found.update({item["metadata"]["uid"]: item for item in page["items"]})
            query["continue"] = page["metadata"].get("continue", "")
            if not query["continue"]:
                break
        self._objects = found
        self._changed(found)
        return str(page["metadata"]["resourceVersion"])

    def _watch(self, revision: str) -> str:
        """Follow one watch to its end and return the revision to go on from."""
        query = {
            **self._selector,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": revision,
            "timeoutSeconds": str(_WATCH_SECONDS),
        }
        timeout = (_CONNECT_SECONDS, _QUIET_SECONDS)
        with self._session.get(self._url, params=query, timeout=timeout, stream=True) as answer:
            if answer.status_code == 410:
                raise _Expired
            answer.raise_for_status()
            for line in answer.iter_lines(chunk_size=None):
                if line:
                    revision = self._take(json.loads(line)) or revision
        return revision

    def _take(self, event: Mapping[str, Any]) -> str:
        kind, item = event["type"], event["object"]
        if kind == "ERROR":
            raise _Expired
        if kind == "DELETED":
            self._objects.pop(item["metadata"]["uid"], None)
        elif kind != "BOOKMARK":
            self._objects[item["metadata"]["uid"]] = item
        if kind != "BOOKMARK":
            self._changed(self._objects)
        return str(item["metadata"]["resourceVersion"])
