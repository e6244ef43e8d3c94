"""Streams whose link goes away while the server does not read it, for their caller is slow."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from controllers.relay.event_loop import LOOPS
from tests.controllers.relay import raw, stream

OPENED = b'{"type":"opened","id":1}'
PIECE, PIECES = 64 * 1024, 96
"""More than the caller's side of the server holds, less than that and the link's."""


@pytest.fixture(params=LOOPS)
def own(request: pytest.FixtureRequest, hub: Any, tmp_path: Path, pki: Path) -> Iterator[Any]:
    own = type(hub)(tmp_path, pki, hub.redis, hub.redis_url, begin=False)
    own.start(NEUROX_RELAY_LOOP=request.param)
    yield own
    own.close()


def caller_of(own: Any, last: bytes) -> socket.socket:
    """Has read nothing yet, and its cluster has said all, with that at the end, and is gone."""
    cluster_id, key = own.member()
    with raw.link(own, cluster_id, key) as link, ThreadPoolExecutor(1) as pool:
        calling = pool.submit(stream.connect, own, f"manager.{cluster_id}.relay:443")
        while b'"open"' not in link.recv(4096):
            pass
        link.sendall(raw.masked(0x81, OPENED))
        sock, line = calling.result()
        assert " 200 " in line
        for _ in range(PIECES):
            link.sendall(raw.masked(0x82, bytes(PIECE)))
        link.sendall(last)
    return sock


def received(sock: socket.socket) -> int:
    with sock, sock.makefile("rb") as answer:
        return len(answer.read())


def test_a_stream_without_its_end_is_cut(own: Any) -> None:
    with pytest.raises(ConnectionResetError):
        received(caller_of(own, b""))


def test_a_stream_with_its_end_is_whole_or_cut(own: Any) -> None:
    try:
        size = received(caller_of(own, raw.masked(0x82)))
    except ConnectionResetError:
        return
    assert size == PIECE * PIECES


def test_a_stream_is_cut_by_the_death_of_the_relay_server(own: Any) -> None:
    cluster_id, key = own.member()
    with raw.link(own, cluster_id, key) as link, ThreadPoolExecutor(1) as pool:
        calling = pool.submit(stream.connect, own, f"manager.{cluster_id}.relay:443")
        while b'"open"' not in link.recv(4096):
            pass
        link.sendall(raw.masked(0x81, OPENED) + raw.masked(0x82, b"half"))
        sock, _ = calling.result()
        own.program.process.kill()
        with pytest.raises(ConnectionResetError):
            received(sock)
