"""Answers that no API server should give; what real ones do is in kube/test_watch.py."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from agent import watch as module
from agent.apiserver import ApiServer
from agent.pods import NodePod, live_pods
from agent.watch import Watch

Pages = dict[str, list[Any]]


def page(name: str, more: str = "") -> dict[str, Any]:
    pod = {"metadata": {"uid": name, "namespace": "vision", "name": name}}
    return {"items": [pod], "metadata": {"resourceVersion": "7", "continue": more}}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Pages], Watch[NodePod]]]:
    """Follows a server that answers lists and watches by what is given, the last for ever."""
    monkeypatch.setattr(module, "RETRY_FIRST_SECONDS", 0.01)
    stop, servers = threading.Event(), []

    def start(pages: Pages) -> Watch[NodePod]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                left = pages["watch" if "watch=1" in self.path else "list"]
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(left.pop(0) if len(left) > 1 else left[0]).encode())
                self.wfile.write(b"\n")

            def log_message(self, format: str, *args: object) -> None:
                """Not asked for."""

        servers.append(server := ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        watch = Watch(ApiServer(f"http://127.0.0.1:{server.server_port}"), live_pods("gpu-1"))
        threading.Thread(target=watch.run, args=(stop,), daemon=True).start()
        return watch

    yield start
    stop.set()
    for server in servers:
        server.shutdown()
        server.server_close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


@pytest.mark.parametrize("event", [{"type": "ADDED", "object": {}}, {"type": "ADDED"}])
def test_an_event_without_sense_is_answered_by_a_new_list(
    watched: Callable[[Pages], Watch[NodePod]], event: dict[str, Any]
) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}}
    watch = watched({"list": [page("old"), page("new")], "watch": [event, bookmark]})
    until(lambda: watch.items.keys() == {"new"} and watch.up)


def test_a_list_without_an_end_is_given_up(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched({"list": [page("same", more="again")], "watch": [{}]})
    until(lambda: "more than 10000 objects; trying again" in caplog.text)
    assert not watch.up
    assert watch.items == {}
