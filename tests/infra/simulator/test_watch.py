"""The watch against a server that answers a script: pages, events, an expired revision."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest
import requests

from infra.local.simulator.watch import Objects, Watch

Answer = tuple[int, list[dict[str, Any]]]


def item(uid: str, revision: str = "1") -> dict[str, Any]:
    return {"metadata": {"uid": uid, "resourceVersion": revision}}


def listing(revision: str, *uids: str, more: str = "") -> Answer:
    metadata = {"resourceVersion": revision, "continue": more}
    return 200, [{"metadata": metadata, "items": [item(uid) for uid in uids]}]


def events(*pairs: tuple[str, dict[str, Any]]) -> Answer:
    return 200, [{"type": kind, "object": about} for kind, about in pairs]


class Script(ThreadingHTTPServer):
    """Answers the list and watch requests in order, then ends the watch under test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[Answer] = []
        self.asked: list[dict[str, str]] = []
        self.stop = threading.Event()

    def seen(self, *answers: Answer) -> list[set[str]]:
        """Run a watch through the answers: the uids it knew after each change."""
        self.answers = list(answers)
        known: list[set[str]] = []

        def changed(found: Objects) -> None:
            known.append(set(found))

        url = f"http://127.0.0.1:{self.server_port}/api/v1/pods"
        watch = Watch(requests.Session(), url, {"fieldSelector": "f"}, changed)
        thread = threading.Thread(target=watch.run, args=(self.stop,), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        return known


class _Handler(BaseHTTPRequestHandler):
    server: Script

    def do_GET(self) -> None:
        query = {key: values[0] for key, values in parse_qs(urlparse(self.path).query).items()}
        self.server.asked.append(query)
        status, documents = self.server.answers.pop(0)
        if not self.server.answers:
            self.server.stop.set()
        self.send_response(status)
        self.end_headers()
        for document in documents:
            self.wfile.write(json.dumps(document).encode() + b"\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(10)
    server.server_close()


def test_changes_are_followed_from_the_lists_revision(script: Script) -> None:
    known = script.seen(
        listing("7", "a"),
        events(("ADDED", item("b", "8")), ("DELETED", item("a", "9"))),
        events(("BOOKMARK", item("", "20"))),
        events(),
    )
    assert known == [{"a"}, {"a", "b"}, {"b"}]
    assert [each.get("resourceVersion") for each in script.asked] == [None, "7", "9", "20"]
    assert all(each["fieldSelector"] == "f" for each in script.asked)


def test_a_list_in_pages_is_one_list(script: Script) -> None:
    known = script.seen(listing("7", "a", more="next"), listing("7", "b"), events())
    assert known == [{"a", "b"}]
    assert script.asked[1]["continue"] == "next"


@pytest.mark.parametrize("expired", [(410, []), events(("ERROR", {"kind": "Status", "code": 410}))])
def test_an_expired_revision_is_listed_again(script: Script, expired: Answer) -> None:
    known = script.seen(listing("7", "a"), expired, listing("90", "b"), events())
    assert known == [{"a"}, {"b"}]


def test_a_failed_answer_is_tried_again(script: Script) -> None:
    known = script.seen((503, []), listing("7", "a"), events())
    assert known == [{"a"}]
