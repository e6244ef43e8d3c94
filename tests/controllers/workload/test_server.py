import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from controllers.workload import server
from controllers.workload.lock import Lock
from controllers.workload.routes import Routes
from controllers.workload.server import Health, Server

pytestmark = pytest.mark.slow


def raw(manager: Any, text: bytes) -> bytes:
    """The first bytes that answer raw ones."""
    where = urlsplit(manager.url)
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(text)
        return connection.recv(4096)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/workloads", b"{", 400),
        ("POST", "/v1/workloads", b"", 400),
        ("POST", "/v1/workloads", b'{"id": "\xff"}', 400),
        ("POST", "/v1/workloads", b"{}", 422),
        ("PUT", "/v1/policy", b'{"revision": 5}', 422),
        ("PUT", "/v1/policy", b'{"revision": ""}', 422),
        ("POST", "/v1/workloads", b" " * (1024 * 1024 + 1), 413),
        ("GET", "/v1/state?since=-1", None, 400),
        ("GET", "/v1/state?since=x", None, 400),
        ("GET", "/v1/state?wait=nan", None, 400),
        ("GET", "/v1/nothing", None, 404),
        ("GET", "/v1/workloads/a/b", None, 404),
        ("DELETE", "/v1/policy", None, 405),
    ],
)
def test_a_bad_request_is_answered_by_a_problem_document(
    shared: Any, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = shared.call(method, path, body)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_a_message_says_which_field_is_wrong(shared: Any) -> None:
    detail = shared.call("PUT", "/v1/policy", {"revision": "1", "quotas": [{"pool": 1}]}).json()
    assert "$.quotas[0].pool" in detail["detail"]


def test_a_body_that_is_held_back_is_called_for(shared: Any) -> None:
    head = b"PUT /v1/policy HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n"
    assert raw(shared, head + b"Expect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 100 Continue")


def test_a_body_of_unknown_length_is_refused(shared: Any) -> None:
    head = b"POST /v1/workloads HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert b" 411 " in raw(shared, head)
    assert b" 400 " in raw(shared, b"POST /v1/workloads HTTP/1.1\r\nContent-Length: x\r\n\r\n")


def test_half_sent_requests_do_not_stop_the_others(shared: Any) -> None:
    where = urlsplit(shared.url)
    held = [socket.create_connection((where.hostname, where.port), timeout=5) for _ in range(32)]
    try:
        for connection in held:
            connection.sendall(b"PUT /v1/policy HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
        begun = time.monotonic()
        assert shared.call("GET", "/healthz").status_code == 200
        assert time.monotonic() - begun < 20, "a half-sent one may take 30 s"
    finally:
        for connection in held:
            connection.close()


@contextmanager
def serving() -> Iterator[Server]:
    """One with nothing behind it, in this process."""
    health = Health(lambda: "", lambda: True, lambda: b"")
    own = Server(("127.0.0.1", 0), cast(Routes, None), Lock(lambda _: ("", {})), health)
    threading.Thread(target=own.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield own
    finally:
        own.shutdown()
        own.server_close()


def trickle(connection: socket.socket) -> None:
    """Byte by byte, until nobody listens any more; no longer than 5 s."""
    for _ in range(50):
        connection.sendall(b"x")
        time.sleep(0.1)


@pytest.mark.parametrize("begin", [b"", b"GET / HTTP/1.1\r\n", b"PUT / HTTP/1.1\r\nContent-"])
def test_a_request_that_trickles_in_is_given_up_in_time(
    monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    monkeypatch.setattr(server, "SOCKET_SECONDS", 1.0)
    with (
        serving() as own,
        socket.create_connection(own.server_address[:2], timeout=0.1) as connection,
    ):
        connection.sendall(begin)
        with pytest.raises(ConnectionError):
            trickle(connection)


def test_bodies_that_end_early_are_told_once_and_without_a_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serving() as own:
        for _ in range(5):
            with socket.create_connection(own.server_address[:2], timeout=10) as connection:
                connection.sendall(b"PUT /v1/policy HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(1) == b""
    assert caplog.messages == ["a request from 127.0.0.1 ended early: the body ended early"]
    assert caplog.records[0].exc_info is None


def test_a_fault_of_ours_is_told_with_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    with serving() as own, socket.create_connection(own.server_address[:2], 10) as connection:
        own.health = cast(Health, None)
        connection.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert connection.recv(1) == b""
    assert caplog.records[0].exc_info is not None
    assert "in _own" in caplog.text


def test_health_and_metrics_are_there(shared: Any) -> None:
    assert shared.call("GET", "/readyz").text == "ok"
    text = shared.call("GET", "/metrics").text
    assert 'neurox_manager_lists_total{path="/api/v1/pods"} 1.0' in text
    assert "neurox_manager_build_info" in text
