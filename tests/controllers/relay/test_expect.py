"""`Expect: 100-continue`: who holds its body back is called on, or refused before that."""

import json
import socket
from typing import Any

import pytest

from controllers.relay.identity import PrivateKey
from tests.controllers.relay import raw

CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
BODY = bytes(range(256)) * 5000
"""More than 1 MiB, for which curl asks first and waits a second."""


def expecting(head: bytes, version: str = "1.1") -> bytes:
    lines = head[:-2].replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1)
    return lines + b"Expect: 100-Continue\r\n\r\n"


@pytest.fixture(scope="module")
def member(hub: Any) -> tuple[str, PrivateKey]:
    found: tuple[str, PrivateKey] = hub.member()
    return found


def test_a_write_that_waits_is_called_for(hub: Any, member: tuple[str, PrivateKey]) -> None:
    with raw.tls(hub) as sock:
        for _ in range(2):
            sock.sendall(expecting(raw.write(hub, *member, len(BODY))))
            assert raw.head_of(sock) == CONTINUE
            sock.sendall(BODY)
            assert raw.head_of(sock).startswith("HTTP/1.1 200 ")
    assert [arrived for _, arrived in hub.receive.seen[-2:]] == [BODY, BODY]


def test_a_write_that_is_refused_is_not_called_for(
    hub: Any, member: tuple[str, PrivateKey]
) -> None:
    stranger, too_long = PrivateKey.generate(), 32 * 1024 * 1024 + 1
    for head in (
        raw.write(hub, member[0], stranger, len(BODY)),
        raw.write(hub, *member, too_long),
    ):
        with raw.tls(hub) as sock:
            sock.sendall(expecting(head))
            assert raw.head_of(sock).split(" ")[1] in ("401", "413")
            assert raw.closed_within(sock, 5)


def test_who_does_not_wait_or_knows_no_such_word_gets_the_answer_alone(
    hub: Any, member: tuple[str, PrivateKey]
) -> None:
    with raw.tls(hub) as sock:
        sock.sendall(expecting(raw.write(hub, *member, 7)) + b"samples")
        assert raw.head_of(sock).startswith("HTTP/1.1 200 ")
    with raw.tls(hub) as sock:
        sock.sendall(expecting(raw.write(hub, *member, 7), "1.0"))
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        sock.settimeout(15)
        sock.sendall(b"samples")
        assert raw.head_of(sock).startswith("HTTP/1.1 200 ")


def test_a_join_that_waits_is_called_for(hub: Any) -> None:
    body = json.dumps({"token": "x", "public_key": "x", "cluster_uid": "x"}).encode()
    head = f"POST /relay/v1/join HTTP/1.1\r\nhost: hub\r\ncontent-length: {len(body)}\r\n\r\n"
    with raw.tls(hub) as sock:
        sock.sendall(expecting(head.encode()))
        assert raw.head_of(sock) == CONTINUE
        sock.sendall(body)
        assert raw.head_of(sock).startswith("HTTP/1.1 401 ")


def test_metrics_for_the_relay_client_that_wait_are_called_for(hub: Any, site: Any) -> None:
    assert site.write(b"first").status_code == 200
    token = site.kept("write_token")["token"]
    lines = ("POST /api/v1/write HTTP/1.1", "host: x", f"content-length: {len(BODY)}")
    head = "\r\n".join((*lines, f"authorization: Bearer {token}", "", "")).encode()
    with socket.create_connection(("127.0.0.1", site.metrics), timeout=15) as sock:
        sock.sendall(expecting(head))
        assert raw.head_of(sock) == CONTINUE
        sock.sendall(BODY)
        assert raw.head_of(sock).startswith("HTTP/1.1 200 ")
    assert hub.receive.seen[-1][1] == BODY
    with socket.create_connection(("127.0.0.1", site.metrics), timeout=15) as sock:
        sock.sendall(expecting(head.replace(token.encode(), b"x" * len(token))))
        assert raw.head_of(sock).startswith("HTTP/1.1 401 ")
