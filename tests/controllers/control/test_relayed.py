"""A cluster that means harm: whatever it answers, the hub says so in one line and goes on."""

import gzip
import re
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from controllers.control import relayed
from controllers.control.relayed import RelayedManager
from controllers.domain.errors import Refused, Unreachable
from controllers.domain.policy import Policy
from controllers.relay.identity import PrivateKey

KEY = PrivateKey.generate()
OK = b"HTTP/1.1 200 OK\r\n"
NEVER = threading.Event()
Say = Callable[[socket.socket], None]


class HostileCluster:
    """A relay-server that opens every stream, and a manager that says what it is told to."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._server.accept()
                threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            _request(sock)
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _request(sock)
            self._say(sock)


def _request(sock: socket.socket) -> None:
    """Read a request, with its body if it has one."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(65536)
    head, _, rest = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(rest) < int(length[1]):
        rest += sock.recv(65536)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Say], RelayedManager]]:
    """Makes managers of hostile clusters; they get a second to answer."""
    monkeypatch.setattr(relayed, "ANSWER_SECONDS", 1.0)
    opened: list[HostileCluster | RelayedManager] = []

    def make(say: Say) -> RelayedManager:
        cluster = HostileCluster(say)
        manager = RelayedManager(cluster.url, "token", "c1", lambda: (KEY,), {})
        opened.extend((manager, cluster))
        return manager

    yield make
    for one in opened:
        one.close()


def body(payload: bytes, *headers: bytes) -> Say:
    lines = [OK.strip(), b"content-length: %d" % len(payload), *headers, b"", payload]
    return lambda sock: sock.sendall(b"\r\n".join(lines))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"\xff\xfe",
        b'{"epoch": "\xff"}',
        b'{"epoch": 5}',
        b'{"x": ' + b"[" * 500_000,
        b'{"epoch": "' + b"x" * 100_000,
    ],
)
def test_a_state_that_is_garbage_is_no_answer(
    hostile: Callable[[Say], RelayedManager], payload: bytes
) -> None:
    with pytest.raises(Unreachable):
        hostile(body(payload)).state("", 0, 0)


def test_an_answer_without_end_is_cut_at_a_limit(
    hostile: Callable[[Say], RelayedManager], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relayed, "ANSWER_SECONDS", 20.0)

    def endless(sock: socket.socket) -> None:
        sock.sendall(OK + b"\r\n")
        while True:
            sock.sendall(b"x" * 1_000_000)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(Unreachable, match="longer than"):
        hostile(endless).state("", 0, 0)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


def test_a_few_bytes_do_not_grow_into_many(hostile: Callable[[Say], RelayedManager]) -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    with pytest.raises(Unreachable, match="encoding not asked for"):
        hostile(body(bomb, b"content-encoding: gzip")).state("", 0, 0)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 O", OK + b"content-length: 1000\r\n\r\n"])
def test_an_answer_that_trickles_in_is_given_up_in_time(
    hostile: Callable[[Say], RelayedManager], start: bytes
) -> None:
    def trickle(sock: socket.socket) -> None:
        sock.sendall(start)
        while not NEVER.wait(0.1):
            sock.sendall(b"x")

    began = time.monotonic()
    with pytest.raises(Unreachable):
        hostile(trickle).state("", 0, 0)
    assert time.monotonic() - began < 3


def test_a_refusal_is_one_short_line_whatever_comes(
    hostile: Callable[[Say], RelayedManager],
) -> None:
    words = b"no\r\n2026-01-01 ERROR forged \x1b[31m " + b"\xff" * 1_000_000
    head = b"HTTP/1.1 422 No\r\ncontent-length: %d\r\n\r\n" % len(words)
    began = time.monotonic()
    with pytest.raises(Refused) as refused:
        hostile(lambda sock: sock.sendall(head + words)).put_policy(Policy("r"))
    assert str(refused.value).startswith("no  2026-01-01 ERROR forged  [31m")
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) <= 500
    assert time.monotonic() - began < 3


def test_a_redirect_leads_nowhere(hostile: Callable[[Say], RelayedManager]) -> None:
    head = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n"
    with pytest.raises(Unreachable, match="was answered 302"):
        hostile(lambda sock: sock.sendall(head)).state("", 0, 0)
