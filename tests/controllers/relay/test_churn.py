"""Many short streams that end in every way, on both event loops: no process dies of it."""

import re
import socket
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from controllers import relay
from controllers.relay.event_loop import LOOPS
from tests.controllers.relay.stream import SERVICE_TOKEN

STREAMS, CALLERS = 1500, 4
REQUEST = b"GET /churn HTTP/1.1\r\nhost: manager\r\n\r\n"


def opened(port: int, cluster_id: str) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=15)
    authority = f"manager.{cluster_id}.relay:443"
    sock.sendall(
        f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n"
        f"proxy-authorization: Bearer {SERVICE_TOKEN}\r\n\r\n".encode()
    )
    assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")
    return sock


def answered(sock: socket.socket) -> None:
    data = b""
    while not data.endswith(b"/churn"):
        more = sock.recv(4096)
        assert more, data
        data += more


def in_order(sock: socket.socket) -> None:
    sock.sendall(REQUEST)
    answered(sock)


def half_closed(sock: socket.socket) -> None:
    in_order(sock)
    sock.shutdown(socket.SHUT_WR)
    assert sock.recv(1) == b""


def given_up(sock: socket.socket) -> None:
    sock.sendall(REQUEST)


def cut(sock: socket.socket) -> None:
    sock.sendall(REQUEST)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def closed_by_the_manager(sock: socket.socket) -> None:
    sock.sendall(REQUEST.replace(b"host:", b"connection: close\r\nhost:"))
    answered(sock)
    assert sock.recv(1) == b""


WAYS = (in_order, half_closed, given_up, cut, closed_by_the_manager)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_thousand_streams_and_more_that_end_in_every_way_kill_nobody(
    loop: str, hub: Any, tmp_path: Path, pki: Path, site_class: Any, eventually: Callable[..., None]
) -> None:
    own = type(hub)(tmp_path, pki, hub.redis, hub.redis_url, begin=False)
    site = site_class(own, tmp_path / "site", own.record(f"churn-{loop}"))
    try:
        own.start(NEUROX_RELAY_LOOP=loop)
        site.join(NEUROX_RELAY_LOOP=loop)

        def caller(number: int) -> None:
            for turn in range(number, STREAMS, CALLERS):
                with opened(own.internal, site.cluster_id) as sock:
                    WAYS[turn // CALLERS % len(WAYS)](sock)

        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(caller, range(CALLERS)))
        assert site.session.get("http://manager/v1/state", timeout=5).ok
        for program in (own.program, site.program):
            assert program.process.poll() is None
            assert f"the event loop is {loop}" in program.words()
            assert program.stop() == 0
            assert "Traceback" not in program.words()
    finally:
        site.close()
        own.close()


def test_nobody_half_closes_a_connection_which_on_uvloop_corrupts_the_heap() -> None:
    sources = list(Path(relay.__file__).parent.rglob("*.py"))
    assert len(sources) > 30
    for source in sources:
        assert not re.search(r"\.write_eof\b|\bSHUT_(WR|RDWR)\b", source.read_text()), source
