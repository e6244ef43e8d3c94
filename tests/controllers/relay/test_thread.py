"""The way through: a request of the control plane reaches a cluster's manager."""

import os
import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
import requests

from controllers.domain.errors import Unreachable
from controllers.relay.session import cluster_session
from tests.controllers.relay.stream import SERVICE_TOKEN, connect


@pytest.fixture(scope="module")
def seat(hub: Any, tmp_path_factory: pytest.TempPathFactory, site_class: Any) -> Any:
    """A joined cluster for all tests of this file."""
    site = site_class(hub, tmp_path_factory.mktemp("seat") / "site", hub.record("seat"))
    try:
        site.join()
        yield site
    finally:
        site.close()


def served(hub: Any, cluster_id: str) -> dict[str, float]:
    """The server's own figures of one cluster."""
    text = requests.get(hub.internal_url + "/metrics", timeout=5).text
    rows = [line for line in text.splitlines() if f'cluster="{cluster_id}"' in line]
    return {row.rpartition(" ")[0]: float(row.rpartition(" ")[2]) for row in rows}


def dials(seat: Any) -> float:
    """Connections that the client has made so far."""
    text = requests.get(f"http://127.0.0.1:{seat.metrics}/metrics", timeout=5).text
    name = "neurox_relay_client_connections_dialled_total "
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[1])


def refusal(hub: Any, authority: str, token: str = SERVICE_TOKEN) -> str:
    sock, line = connect(hub, authority, token)
    sock.close()
    return line.split(" ")[1]


def test_a_request_goes_through_the_relay_to_the_manager(seat: Any) -> None:
    answer = seat.session.get("http://manager/v1/state?epoch=e&since=1", timeout=5)
    assert answer.status_code == 200
    assert answer.text == "/v1/state?epoch=e&since=1"


def test_a_session_keeps_its_stream(seat: Any) -> None:
    before = seat.manager.connections
    with seat.hub.session(seat.cluster_id) as session:
        for _ in range(20):
            assert session.get("http://manager/x", timeout=5).ok
    assert seat.manager.connections == before + 1


def test_two_hundred_streams_in_a_row_use_the_same_few_connections(seat: Any) -> None:
    before, connections = seat.manager.connections, dials(seat)
    for number in range(200):
        with seat.hub.session(seat.cluster_id) as session:
            assert session.get(f"http://manager/{number}", timeout=5).text == f"/{number}"
    assert seat.manager.connections == before + 200
    assert dials(seat) - connections <= 8


def test_bytes_of_parallel_streams_are_neither_lost_nor_mixed(seat: Any) -> None:
    failures: list[str] = []

    def echo(size: int) -> None:
        payload = os.urandom(size)
        with seat.hub.session(seat.cluster_id) as session:
            for _ in range(2):
                if session.post("http://manager/echo", data=payload, timeout=30).content != payload:
                    failures.append(f"{size} bytes came back changed")

    sizes = [1, 4097, 65_536, 300_001, 4_000_000, 8_388_609, 8_000_003, 12_345_678]
    threads = [threading.Thread(target=echo, args=(size,)) for size in sizes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not failures


def test_a_reader_that_stalls_holds_up_nobody_else(seat: Any) -> None:
    stalled, line = connect(seat.hub, f"manager.{seat.cluster_id}.relay:443", SERVICE_TOKEN)
    assert " 200 " in line
    payload = b"x" * 20_000_000
    head = f"POST /echo HTTP/1.1\r\nhost: m\r\ncontent-length: {len(payload)}\r\n\r\n"
    sender = threading.Thread(target=stalled.sendall, args=(head.encode() + payload,))
    sender.start()
    for number in range(20):
        assert seat.session.get(f"http://manager/{number}", timeout=5).ok
    received = 0
    while received < len(payload):
        data = stalled.recv(1 << 20)
        assert data, f"cut after {received} bytes"
        received += len(data)
    sender.join(10)
    stalled.close()
    assert not sender.is_alive()


def test_a_cut_caller_ends_its_stream_and_frees_the_connection(
    seat: Any, eventually: Callable[..., None]
) -> None:
    sock, _ = connect(seat.hub, f"manager.{seat.cluster_id}.relay:443", SERVICE_TOKEN)
    streaming = f'neurox_relay_server_connections{{cluster="{seat.cluster_id}",state="streaming"}}'
    busy = served(seat.hub, seat.cluster_id)[streaming]
    sock.close()
    eventually("one stream fewer", lambda: served(seat.hub, seat.cluster_id)[streaming] == busy - 1)


def test_streams_cut_at_any_moment_leave_nothing_behind(
    seat: Any, eventually: Callable[..., None]
) -> None:
    chance, connections = random.Random(7), dials(seat)
    hard = struct.pack("ii", 1, 0)
    for _ in range(300):
        sock, line = connect(seat.hub, f"manager.{seat.cluster_id}.relay:443", SERVICE_TOKEN)
        assert " 200 " in line
        size = chance.randrange(200_000)
        head = f"POST /echo HTTP/1.1\r\nhost: m\r\ncontent-length: {size}\r\n\r\n".encode()
        sock.sendall((head + b"z" * size)[: chance.randrange(size + len(head))])
        if chance.random() < 0.5:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hard)
        sock.close()
    streaming = f'neurox_relay_server_connections{{cluster="{seat.cluster_id}",state="streaming"}}'
    with seat.hub.session(seat.cluster_id) as session:
        assert session.post("http://manager/echo", data=b"whole", timeout=5).content == b"whole"
    seat.session.close()
    eventually("no stream is left", lambda: served(seat.hub, seat.cluster_id)[streaming] == 0)
    assert dials(seat) - connections <= 60, "cut streams cost connections"


def test_a_cluster_has_so_many_streams_and_no_more(
    seat: Any, eventually: Callable[..., None]
) -> None:
    streaming = f'neurox_relay_server_connections{{cluster="{seat.cluster_id}",state="streaming"}}'
    authority = f"manager.{seat.cluster_id}.relay:443"
    seat.session.close()
    eventually("no stream is left", lambda: served(seat.hub, seat.cluster_id)[streaming] == 0)
    with ExitStack() as stack:
        for number in range(48):
            sock, line = connect(seat.hub, authority, SERVICE_TOKEN)
            stack.enter_context(sock)
            assert " 200 " in line, f"stream {number}"
        assert refusal(seat.hub, authority) == "503"
    eventually("no stream is left", lambda: served(seat.hub, seat.cluster_id)[streaming] == 0)
    assert seat.session.get("http://manager/again", timeout=5).ok


def test_only_the_target_manager_exists(seat: Any) -> None:
    assert refusal(seat.hub, f"kubernetes.{seat.cluster_id}.relay:443") == "403"
    assert seat.session.get("http://manager/still-there", timeout=5).ok


@pytest.mark.parametrize("authority", ["127.0.0.1:22", "manager.relay:443", "a.b.c.relay:443"])
def test_an_address_is_no_target(seat: Any, authority: str) -> None:
    assert refusal(seat.hub, authority) == "400"


def test_a_caller_without_the_service_token_is_refused(seat: Any) -> None:
    assert refusal(seat.hub, f"manager.{seat.cluster_id}.relay:443", "guess") == "407"


def test_a_cluster_that_is_not_connected_is_unreachable_in_a_sentence(hub: Any) -> None:
    assert refusal(hub, "manager.0000.relay:443") == "503"
    with (
        hub.session("0000") as session,
        pytest.raises(Unreachable, match="the cluster is not connected"),
    ):
        session.get("http://manager/v1/state", timeout=5)


def test_a_manager_that_is_down_is_unreachable_in_a_sentence(new_site: Any) -> None:
    site = new_site()
    site.join()
    site.session.close()
    site.manager.close()
    with pytest.raises(Unreachable, match="cannot be reached"):
        site.session.get("http://manager/v1/state", timeout=5)


def test_a_relay_that_is_down_is_unreachable_in_a_sentence() -> None:
    with (
        cluster_session("http://127.0.0.1:1", "t", "c") as session,
        pytest.raises(Unreachable, match="the relay-server cannot be reached"),
    ):
        session.get("http://manager/v1/state", timeout=5)


def test_an_answer_that_takes_too_long_is_unreachable(seat: Any) -> None:
    with (
        seat.hub.session(seat.cluster_id) as session,
        pytest.raises(Unreachable, match="in time"),
    ):
        session.get("http://manager/slow", timeout=(5, 0.3))
    seat.manager.state["release"].set()
