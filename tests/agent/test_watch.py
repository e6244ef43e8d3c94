"""Answers that no API server should give; what real ones do is in kube/test_watch.py."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from agent import watch as module
from agent.apiserver import ApiFailed, ApiServer
from agent.pods import HAMI, STATIC, NodePod, PodNames, live_pods
from agent.slices import slices_of
from agent.watch import Watch

Pages = dict[str, list[Any]]
EXPIRED = {"kind": "Status", "message": "too old\n\x1b[31m" + "x" * 500, "code": 410}
BOOKMARK = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}}
NEXT = "see that NEUROX_AGENT_KUBE_API names an API server"


def pod(name: str, /, **other: Any) -> dict[str, Any]:
    about = {"uid": name, "namespace": "vision", "name": name, "resourceVersion": "8"}
    return {"metadata": about | other}


def page(*names: str, more: str = "") -> dict[str, Any]:
    about = {"resourceVersion": "7", "continue": more}
    return {"items": [pod(name) for name in names], "metadata": about}


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Pages], Watch[NodePod]]]:
    """Follows a server that answers lists and watches by what is given, the last for ever."""
    monkeypatch.setattr(module, "RETRY_FIRST_SECONDS", 0.01)
    stop, servers = threading.Event(), []

    def start(pages: Pages) -> Watch[NodePod]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                left = pages["watch" if "watch=1" in self.path else "list"]
                said = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(said.get("code", 200) if isinstance(said, dict) else 200)
                told = said if isinstance(said, str) else json.dumps(said)
                text = f"{told}\n".encode() if told else b""
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

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


@pytest.mark.parametrize(
    "event",
    [
        {"type": "ADDED", "object": {}},
        {"type": "ADDED"},
        {"type": "ADDED", "object": pod("a", resourceVersion="\ud800")},
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "\udfff"}}},
    ],
)
def test_an_event_without_sense_is_answered_by_a_new_list(
    watched: Callable[[Pages], Watch[NodePod]], event: dict[str, Any]
) -> None:
    watch = watched({"list": [page("old"), page("new")], "watch": [event, BOOKMARK]})
    until(lambda: watch.items.keys() == {"new"} and watch.up)


def test_watches_that_end_at_once_without_an_event_are_answered_by_new_lists(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched({"list": [page("old"), page("new")], "watch": [""]})
    until(lambda: watch.items.keys() == {"new"} and not watch.up)
    assert "the watch ended at once, without an event; trying again" in caplog.text


def test_a_list_without_an_end_is_given_up(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture
) -> None:
    endless = [page(str(number), more=str(number)) for number in range(401)]
    watch = watched({"list": endless, "watch": [{}]})
    until(lambda: "more than 10000 objects; trying again" in caplog.text)
    assert not watch.up
    assert watch.items == {}


@pytest.mark.parametrize(
    "pages",
    [
        [page("same", more="again")],
        [page("a", more="1"), page("b", more="2"), page("c", more="1"), page("d")],
        [page(more="1"), page("a", more="2"), page(more="3"), page("b")],
    ],
)
def test_a_list_that_only_says_that_there_is_more_is_given_up(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture, pages: list[Any]
) -> None:
    watched({"list": pages, "watch": [{}]})
    until(lambda: "the list has no end: it says that there is more, and has" in caplog.text)


def test_one_empty_page_is_no_end(watched: Callable[[Pages], Watch[NodePod]]) -> None:
    watch = watched({"list": [page("a", more="1"), page(more="2"), page("b")], "watch": [BOOKMARK]})
    until(lambda: watch.items.keys() == {"a", "b"})


def test_a_list_that_is_always_too_old_is_told(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture
) -> None:
    watch = watched({"list": [page("a"), EXPIRED], "watch": [EXPIRED]})
    until(lambda: not watch.up and "a" in watch.items)
    [warning] = [one.message for one in caplog.records if "410" in one.message]
    assert "too old\\n\\x1b[31mxxx" in warning
    assert len(warning) < 400
    assert warning.endswith("...; trying again")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("<html>", "no JSON, Expecting value: line 1 column 1 (char 0)"),
        ("[" * 200_000, "no JSON, maximum recursion depth exceeded"),
        ("null", "no items, or no metadata.resourceVersion"),
        ([], "no items, or no metadata.resourceVersion"),
        ({"items": []}, "no items, or no metadata.resourceVersion"),
        ({"items": [], "metadata": {"resourceVersion": 7}}, "no items, or no metadata"),
        ({"items": 7, "metadata": {"resourceVersion": "7"}}, "no items, or no metadata"),
        ({"items": [], "metadata": {"resourceVersion": "\ud800"}}, "no items, or no metadata"),
        (page(more="\udfff"), "no items, or no metadata.resourceVersion"),
    ],
)
def test_what_is_no_list_is_told_with_the_next_step(
    watched: Callable[[Pages], Watch[NodePod]],
    caplog: pytest.LogCaptureFixture,
    answer: Any,
    why: str,
) -> None:
    watch = watched({"list": [answer], "watch": [{}]})
    until(lambda: "trying again" in caplog.text)
    assert not watch.up
    [told] = [one.message for one in caplog.records if "no list" in one.message]
    assert f": the answer is no list of pods: {why}" in told
    assert told.endswith(f"; {NEXT}; trying again")


WRONG = [
    7,
    {"x": 1},
    pod("a", uid=5),
    pod("b", namespace=["a"]),
    pod("c", name={}),
    pod("d", annotations={HAMI: 1}),
    pod("e", annotations={STATIC: []}),
    pod("f", annotations="x"),
    pod("g", name="\ud83d"),
]


def test_pods_of_wrong_types_are_left_out_and_told_once(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    good = [pod("good", annotations={HAMI: ""})]
    lists = [{**page(), "items": [*WRONG, *more]} for more in (good, [pod("later"), *good])]
    watch = watched({"list": lists, "watch": [EXPIRED]})
    until(lambda: watch.items.keys() == {"good", "later"})
    known = PodNames(tmp_path, watch)
    known.refresh()
    assert known.of("good") == ("vision", "good")
    [told] = [one.message for one in caplog.records if "left out" in one.message]
    assert told.endswith(
        f"one is left out, and others like it: 'int' object is not subscriptable; {NEXT}"
    )


def test_an_event_of_wrong_types_is_left_out_and_the_watch_goes_on(
    watched: Callable[[Pages], Watch[NodePod]],
) -> None:
    changes = [{"type": "MODIFIED", "object": one} for one in WRONG[2:]]
    changes += [{"type": "DELETED", "object": pod("gone", name=5)}]
    changes += [{"type": "ADDED", "object": pod("new")}]
    lines = "\n".join(json.dumps(one) for one in changes)
    watch = watched({"list": [page("old", "gone"), page("listed anew")], "watch": [lines]})
    until(lambda: watch.items.keys() == {"old", "new"} and watch.up)


def test_what_is_wrong_with_a_pod_is_told(
    watched: Callable[[Pages], Watch[NodePod]], caplog: pytest.LogCaptureFixture
) -> None:
    watched({"list": [{**page(), "items": [pod("a", namespace=["a\n"])]}], "watch": [{}]})
    until(lambda: "others like it: namespace is ['a\\n'], no text; " in caplog.text)


@pytest.mark.parametrize(
    "spec", [None, {"pool": 1}, {"pool": {"name": 1}}, {"pool": {"name": "a"}, "devices": [1]}]
)
def test_slices_of_wrong_types_are_left_out(spec: Any) -> None:
    watch = Watch(ApiServer("http://k8s"), slices_of("gpu-1"))
    for name, told in (("a", spec), ("b", {"pool": {"name": "gpu-1"}})):
        watch._take({"type": "ADDED", "object": {**pod(name), "spec": told}})
    assert watch.items == {"b": {}}


def test_a_watch_on_a_connection_of_its_own_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.apiserver._TIMEOUT_SECONDS", 0.2)

    class Closing(BaseHTTPRequestHandler):
        """Speaks HTTP/1.0: an answer ends with its connection."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            threading.Event().wait(0.5)
            self.wfile.write(f"{json.dumps({'type': 'ADDED', 'object': pod('new')})}\n".encode())

        def log_message(self, format: str, *args: object) -> None:
            """Not asked for."""

    with HTTPServer(("127.0.0.1", 0), Closing) as server:
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        api = ApiServer(f"http://127.0.0.1:{server.server_port}")
        with closing(api.connect()) as link:
            watch = Watch(api, live_pods("gpu-1"))
            watch._watch(link)
        answering.join(10)
    assert watch.items.keys() == {"new"}


class Rounds(threading.Event):
    """Over after 8 waits, which take no time and are remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0)
        if len(self.waited) == 8:
            self.set()
        return self.is_set()


def test_a_server_that_is_slow_to_answer_is_asked_ever_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]

    class Slow(ApiServer):
        def connect(self) -> HTTPConnection:
            link = super().connect()
            link.sock = socket.socket()
            return link

        def get(self, *_: Any) -> NoReturn:
            now[0] += 100
            raise ApiFailed("not done")

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(module, "random", SimpleNamespace(uniform=lambda _, most: most))
    stop = Rounds()
    Watch(Slow("http://k8s"), live_pods("gpu-1")).run(stop)
    assert stop.waited == [1, 2, 4, 8, 16, 32, 60, 60]
    assert now == [800.0], "each try has waited for its answer"
