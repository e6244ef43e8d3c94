import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, cast

import msgspec
import pytest

from controllers.loop import Shutdown, run_every
from controllers.workload import seen, wire
from controllers.workload.cache import Table
from controllers.workload.kube import MERGE_PATCH, KubeApi
from controllers.workload.reflector import Reflector

PATH = "/api/v1/namespaces"


@pytest.fixture
def watched(admin: KubeApi) -> Iterator[tuple[Reflector[seen.Namespace], Table[seen.Namespace]]]:
    """The namespaces, kept up by a watch in a thread."""
    table: Table[seen.Namespace] = Table(lambda: None)
    keep = partial(seen.namespace, decode=msgspec.json.Decoder(wire.Namespace).decode)
    reflector = Reflector(admin, PATH, table, keep)
    shutdown = Shutdown()
    step = partial(reflector.step, shutdown)
    threading.Thread(target=run_every, args=(0.1, step, shutdown), daemon=True).start()
    yield reflector, table
    shutdown.request()


@pytest.mark.slow
def test_what_is_made_changed_and_deleted_is_followed_with_a_single_list(
    admin: KubeApi,
    watched: tuple[Reflector[seen.Namespace], Table[seen.Namespace]],
    eventually: Callable[..., None],
) -> None:
    reflector, table = watched
    eventually("the list", lambda: reflector.synced)
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "followed"}}
    admin.send("POST", PATH, made)

    def followed() -> list[bool]:
        return [space.managed for space in table.values() if space.name == "followed"]

    eventually("it is seen", lambda: followed() == [False])
    label = {"metadata": {"labels": {seen.MANAGED: "true"}}}
    admin.send("PATCH", f"{PATH}/followed", label, MERGE_PATCH)
    eventually("its label is seen", lambda: followed() == [True])
    admin.send("DELETE", f"{PATH}/followed", {})
    eventually("it is gone", lambda: followed() == [])
    assert (reflector.lists, reflector.drift) == (1, 0)
    assert reflector.known_at(77.0) == 77.0


class Told:
    """An API server that lists one namespace and then tells what it was given."""

    def __init__(self, *events: dict[str, Any]) -> None:
        self.asked: list[str] = []
        self._events = events

    def get(self, path: str, query: Mapping[str, str]) -> bytes:
        item = {"metadata": {"name": "one", "uid": "u1", "resourceVersion": "7"}}
        return json.dumps({"metadata": {"resourceVersion": "9"}, "items": [item]}).encode()

    def lines(self, path: str, query: Mapping[str, str], silence: float) -> Iterator[bytes]:
        self.asked.append(query["resourceVersion"])
        return iter([json.dumps(event).encode() for event in self._events])


def reflect(told: Told) -> Reflector[seen.Namespace]:
    keep = partial(seen.namespace, decode=msgspec.json.Decoder(wire.Namespace).decode)
    return Reflector(cast(KubeApi, told), PATH, Table(lambda: None), keep)


def awake() -> Shutdown:
    """A shutdown whose next sleep ends at once."""
    shutdown = Shutdown()
    shutdown.nudge()
    return shutdown


def test_a_version_that_is_too_old_leads_to_a_new_list() -> None:
    gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}}
    told = Told(gone)
    reflector = reflect(told)
    reflector.step(awake())
    reflector.step(awake())
    assert reflector.lists == 2
    assert reflector.drift == 0


def test_a_watch_is_resumed_where_the_last_bookmark_was() -> None:
    told = Told({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "42"}}})
    reflector = reflect(told)
    reflector.step(awake())
    reflector.step(awake())
    assert told.asked == ["9", "42"]
    assert reflector.lists == 1


def test_between_watches_the_table_is_as_old_as_the_last_word() -> None:
    reflector = reflect(Told())
    reflector.step(awake())
    assert reflector.known_at(1e12) < 1e12
