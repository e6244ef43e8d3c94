import gzip
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from statistics import median

import pytest

from agent.pages import Page
from agent.server import MetricsServer
from tests.agent.serving import serving

BODY = "a 1\n" * 1000


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with serving({"/metrics": Page(lambda: None, lambda *_: BODY)}) as served:
        yield served


def dial(server: MetricsServer) -> http.client.HTTPConnection:
    host, port = server.server_address[:2]
    return http.client.HTTPConnection(str(host), int(port), timeout=5)


def ask(server: MetricsServer, method: str, path: str, **headers: str) -> tuple[int, bytes, str]:
    connection = dial(server)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body, str(answer.headers)


def raw(server: MetricsServer, request: bytes) -> bytes:
    with socket.create_connection(server.server_address[:2], timeout=5) as dialled:
        dialled.sendall(request)
        return b"".join(iter(lambda: dialled.recv(65536), b""))


def test_a_page_is_served_plain_and_compressed(server: MetricsServer) -> None:
    status, body, headers = ask(server, "GET", "/metrics?name=x")
    assert (status, body) == (200, BODY.encode())
    assert "text/plain; version=0.0.4; charset=utf-8" in headers
    status, body, headers = ask(server, "GET", "/metrics", **{"Accept-Encoding": "gzip"})
    assert (status, gzip.decompress(body)) == (200, BODY.encode())
    assert "Content-Encoding: gzip" in headers


def test_head_answers_as_get_does_but_without_a_body(server: MetricsServer) -> None:
    status, body, headers = ask(server, "HEAD", "/metrics")
    assert (status, body) == (200, b"")
    assert f"Content-Length: {len(BODY)}" in headers
    assert ask(server, "HEAD", "/readyz")[0] == 503


def test_one_connection_takes_many_scrapes(server: MetricsServer) -> None:
    connection = dial(server)
    for _ in range(3):
        connection.request("GET", "/metrics")
        assert connection.getresponse().read() == BODY.encode()
    connection.close()


def test_a_scrape_waits_for_nothing(server: MetricsServer) -> None:
    times = []
    for _ in range(20):
        began = time.monotonic()
        ask(server, "GET", "/metrics")
        times.append(time.monotonic() - began)
    assert median(times) < 0.1, "it takes a millisecond, more where others keep the cores busy"


def test_an_error_says_what_to_do_instead(server: MetricsServer) -> None:
    expected = b"nothing at /metric: try /metrics, /healthz or /readyz\n"
    assert ask(server, "GET", "/metric")[:2] == (404, expected)
    status, body, headers = ask(server, "POST", "/metrics")
    assert (status, body) == (405, b"POST is not possible here: use GET or HEAD\n")
    assert "Allow: GET, HEAD" in headers


@pytest.mark.parametrize(
    ("request_line", "said"),
    [
        (b"GET /metrics HTTP/9.9\r\n\r\n", b"Invalid HTTP version (9.9)\n"),
        (b"GET /metrics HTTP/x\r\n\r\n", b"Bad request version ('HTTP/x')\n"),
        (b"\x16\x03\x01\x02 GET / HTTP\r\n\r\n", b"Bad request version ('HTTP')\n"),
        (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n", b"URI is too long\n"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"Too many headers\n"),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 70000 + b"\r\n\r\n", b"Line too long\n"),
        (b"GET / HTTP/1.1\r\n\r\n", b"0 Host headers: there must be one\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"2 Host headers: there must be one\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nLength : 5\r\n\r\n", b"A header is no header\n"),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", b"BREW is not possible here: use GET or HEAD\n"),
    ],
)
def test_a_bad_request_is_refused_in_plain_text(
    server: MetricsServer, request_line: bytes, said: bytes
) -> None:
    answer = raw(server, request_line)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 505"))
    assert answer.endswith(b"\r\n\r\n" + said)
    assert ask(server, "GET", "/metrics")[0] == 200


def test_what_a_proxy_would_be_asked_is_answered_as_well(server: MetricsServer) -> None:
    answer = raw(server, b"GET http://gpu-1:9479/metrics HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n" + BODY.encode())


def test_requests_in_one_piece_are_answered_in_order(server: MetricsServer) -> None:
    paths = (b"/healthz", b"/metrics", b"/readyz")
    host = b" HTTP/1.1\r\nHost: a\r\n"
    requests = b"".join(b"GET " + path + host + b"\r\n" for path in paths)
    answer = raw(server, requests + b"HEAD /" + host + b"Connection: close\r\n\r\n")
    codes = [line.split()[1] for line in answer.splitlines() if line.startswith(b"HTTP/1.1")]
    assert codes == [b"200", b"200", b"503", b"404"]


@pytest.mark.parametrize(
    ("version", "asked", "said"),
    [
        (b"1.0", b"", b"close"),
        (b"1.0", b"Connection: keep-alive\r\n", b"keep-alive"),
        (b"1.1", b"", b"keep-alive"),
        (b"1.1", b"Connection: close\r\n", b"close"),
    ],
)
def test_a_connection_is_kept_when_its_client_wants_it(
    server: MetricsServer, version: bytes, asked: bytes, said: bytes
) -> None:
    first = b"GET /healthz HTTP/" + version + b"\r\nHost: a\r\n" + asked + b"\r\n"
    last = b"GET /healthz HTTP/1.0\r\n\r\n"
    answer = raw(server, first + last)
    assert b"\r\nConnection: " + said + b"\r\n" in answer
    assert answer.count(b"HTTP/1.1 200") == (2 if said == b"keep-alive" else 1)


def test_a_request_with_a_body_is_answered_and_ends_the_connection(server: MetricsServer) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    size = f"Content-Length: {len(smuggled)}".encode()
    answer = raw(server, b"GET /readyz HTTP/1.1\r\nHost: a\r\n" + size + b"\r\n\r\n" + smuggled)
    assert answer.count(b"HTTP/1.1") == 1


def test_clients_that_send_nothing_do_not_keep_a_scrape_out(server: MetricsServer) -> None:
    with ExitStack() as opened:
        for _ in range(100):
            slow = opened.enter_context(
                socket.create_connection(server.server_address[:2], timeout=5)
            )
            slow.sendall(b"GET /metr")
        assert ask(server, "GET", "/metrics")[0] == 200
        assert threading.active_count() < 60


def test_clients_that_read_nothing_do_not_keep_a_scrape_out() -> None:
    body = "a 1\n" * 4_000_000
    pages = {"/metrics": Page(lambda: None, lambda *_: body)}
    ask_only = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    with serving(pages) as server, ExitStack() as opened:
        for _ in range(40):
            deaf = opened.enter_context(socket.create_connection(server.server_address[:2]))
            deaf.sendall(ask_only)
        assert ask(server, "GET", "/healthz")[0] == 200
        assert threading.active_count() < 60


def test_a_burst_of_scrapes_is_queued_and_not_dropped() -> None:
    with (
        MetricsServer(("127.0.0.1", 0), {}, lambda: True) as server,
        ExitStack() as opened,
    ):
        # Nobody accepts yet: what the queue does not take would have to dial again a second later.
        for _ in range(30):
            opened.enter_context(socket.create_connection(server.server_address[:2], timeout=0.5))


def test_the_page_of_dcgm_names_says_how_it_is_turned_on(server: MetricsServer) -> None:
    status, body, _ = ask(server, "GET", "/dcgm/metrics")
    assert status == 404
    assert body.startswith(b"NEUROX_AGENT_DCGM is none (chart value agent.dcgm)")
