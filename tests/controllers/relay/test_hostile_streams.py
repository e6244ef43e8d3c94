"""Clusters that mean harm within a stream: callers get nothing false, and no cut is an end."""

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controllers.relay.raw import closed_within, link, masked
from tests.controllers.relay.stream import SERVICE_TOKEN

CUT_SECONDS = 5.0
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture
def asked(hub: Any) -> Iterator[tuple[Any, socket.socket]]:
    """A link on which the first stream is to be opened, and the caller who waits for it."""
    cluster_id, key = hub.member("hostile")
    with link(hub, cluster_id, key) as sock, _caller(hub, cluster_id) as caller:
        first, size = sock.recv(2)
        assert first == 0x81
        assert json.loads(sock.recv(size))["type"] == "open"
        yield sock, caller
    assert hub.program.process.poll() is None
    assert "Traceback" not in hub.program.words()


def _caller(hub: Any, cluster_id: str) -> socket.socket:
    caller = socket.create_connection(("127.0.0.1", hub.internal), timeout=15)
    head = f"CONNECT manager.{cluster_id}.relay:443 HTTP/1.1\r\n"
    caller.sendall(f"{head}proxy-authorization: Bearer {SERVICE_TOKEN}\r\n\r\n".encode())
    return caller


def message(kind: str, **fields: object) -> bytes:
    return masked(0x81, json.dumps({"type": kind, "id": 1, **fields}).encode())


def everything(caller: socket.socket) -> bytes:
    """What the caller gets until the end of the stream; a cut is ConnectionResetError."""
    received = b""
    while data := caller.recv(65536):
        received += data
    return received


def test_a_stream_is_opened_once_however_often_the_cluster_says_so(asked: Any) -> None:
    sock, caller = asked
    twice = message("opened") * 2
    sock.sendall(twice + masked(0x82, b"hello") + twice + masked(0x82))
    assert everything(caller) == ESTABLISHED + b"hello"


def test_a_stream_that_is_refused_once_it_is_open_is_cut(asked: Any) -> None:
    sock, caller = asked
    sock.sendall(message("opened") + masked(0x82, b"half") + message("refused", code="x"))
    with pytest.raises(ConnectionResetError):
        everything(caller)
    assert closed_within(sock, CUT_SECONDS)


@pytest.mark.parametrize("last", [masked(0x88, b"\x03\xe8"), masked(0x83)])
def test_a_link_that_ends_in_words_cuts_its_stream_at_once(asked: Any, last: bytes) -> None:
    sock, caller = asked
    # The cluster does not read, so it does not take part in the end of TLS either.
    sock.sendall(message("opened") + masked(0x82, b"half") + last)
    began = time.monotonic()
    with pytest.raises(ConnectionResetError):
        everything(caller)
    assert time.monotonic() - began < CUT_SECONDS
