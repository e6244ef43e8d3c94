"""Peers that mean harm: each is closed in time, and no other cluster notices."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from controllers.relay import join, websocket
from controllers.relay.identity import CONNECT, PrivateKey
from controllers.store import keys
from tests.controllers.relay.raw import ask, closed_within, head_of, link, masked, pong, tls

CLOSED_SECONDS = 10.0
SILENT_SECONDS = 12.0


@pytest.fixture(scope="module")
def hostile(hub: Any) -> tuple[str, PrivateKey]:
    """A cluster that has joined, and whose client is ours to misuse."""
    return hub.member("hostile")


@pytest.fixture(scope="module")
def witness(hub: Any, tmp_path_factory: pytest.TempPathFactory, site_class: Any) -> Iterator[Any]:
    """Another cluster, which must not notice anything."""
    site = site_class(hub, tmp_path_factory.mktemp("witness") / "site", hub.record("witness"))
    try:
        site.join()
        yield site
    finally:
        site.close()


@pytest.fixture(autouse=True)
def unharmed(hub: Any, witness: Any) -> Iterator[None]:
    """After each test the server lives, has not failed, and serves the other cluster."""
    yield
    assert hub.program.process.poll() is None
    assert "Traceback" not in hub.program.words()
    assert witness.session.get("http://manager/v1/state", timeout=5).ok
    assert "closing" not in witness.program.words()


def files(hub: Any) -> int:
    return len(list(Path(f"/proc/{hub.program.process.pid}/fd").iterdir()))


def handshake(hub: Any, token: str, **changes: str) -> bytes:
    request = websocket.request("hub", websocket.new_key(), token, "t").decode()
    for name, value in changes.items():
        header = name.replace("_", "-")
        lines = [f"{header}: {value}" if r.startswith(header) else r for r in request.split("\r\n")]
        request = "\r\n".join(lines)
    return request.encode()


def test_another_version_is_told_which_one_is_spoken(hub: Any, hostile: Any) -> None:
    cluster_id, key = hostile
    token = key.token(cluster_id, CONNECT, time.time())
    with tls(hub) as sock:
        sock.sendall(handshake(hub, token, sec_websocket_protocol="neurox-relay.v9"))
        head = head_of(sock)
    assert " 426 " in head
    assert "sec-websocket-protocol: neurox-relay.v1" in head
    assert "offers 'neurox-relay.v9'" in hub.program.words()


def test_the_id_of_one_with_the_key_of_another_is_refused_and_noted(
    hub: Any, hostile: Any, witness: Any
) -> None:
    _, key = hostile
    token = key.token(witness.cluster_id, CONNECT, time.time())
    assert ask(hub, handshake(hub, token)) == 401
    assert f"cluster {witness.cluster_id} was refused" in hub.program.words()


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(b"\x82\x05hello", id="not masked"),
        pytest.param(masked(0x83, b"x"), id="unknown opcode"),
        pytest.param(masked(0xC2, b"x"), id="reserved bit"),
        pytest.param(masked(0x02, b"x"), id="fragment"),
        pytest.param(masked(0x82, b"", 4 << 30), id="4 GiB of data"),
        pytest.param(masked(0x82, b"", (1 << 63) + 5), id="a length beyond 63 bits"),
        pytest.param(masked(0x81, b"", 4097), id="a long control message"),
        pytest.param(masked(0x81, b"{"), id="not JSON"),
        pytest.param(masked(0x81, b'{"type": "opened", "x":' + b"[" * 4000), id="deep JSON"),
        pytest.param(masked(0x81, b'{"type": "opened", "id": "x"}'), id="a wrong type"),
        pytest.param(masked(0x81, b"\xff\xfe"), id="not UTF-8"),
        pytest.param(masked(0x81, b'{"type": "rotate", "kid": "\xff"}'), id="a text not UTF-8"),
        pytest.param(masked(0x81, b'{"type": "\xff"}'), id="a type not UTF-8"),
        pytest.param(masked(0x89, b"x" * 126), id="a long ping"),
        pytest.param(masked(0x82, b"x"), id="data without a stream"),
        pytest.param(masked(0x82), id="an end without a stream"),
        pytest.param(masked(0x88, b"\x03\xe8") + masked(0x82, b"x"), id="data after close"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="HTTP"),
    ],
)
def test_frames_that_are_not_allowed_close_the_connection(
    hub: Any, hostile: Any, frames: bytes
) -> None:
    with link(hub, *hostile) as sock:
        sock.sendall(frames)
        assert closed_within(sock, CLOSED_SECONDS)


@pytest.mark.parametrize(
    "words",
    [
        b'{"type": "from the future", "id": 5}',
        b'{"type": "opened", "id": 77}',
        b'{"type": "refused", "id": 77, "code": "x"}',
        b'{"type": "reset", "id": 77, "code": "x"}',
        b'{"type": "open", "id": 1, "target": "manager", "deadline_ms": 5}',
        b'{"type": "want", "n": 1000000}',
    ],
)
def test_words_about_nothing_are_ignored_even_one_byte_at_a_time(
    hub: Any, hostile: Any, words: bytes
) -> None:
    with link(hub, *hostile) as sock:
        for byte in masked(0x81, words) + masked(0x89, b"still there?"):
            sock.sendall(bytes((byte,)))
        assert pong(sock) == b"still there?"


def test_what_a_cluster_says_forges_no_line_of_the_log_and_steers_no_terminal(
    hub: Any, hostile: Any, eventually: Callable[..., None]
) -> None:
    cluster_id, key = hostile
    with link(hub, cluster_id, key) as sock:
        words = '{"type": "rotate", "failed": "so\\nFORGED \\u001b[2J"}'
        sock.sendall(masked(0x81, words.encode()))
        eventually("it is told", lambda: "FORGED" in hub.program.words())
    assert not any(line.startswith("FORGED") for line in hub.program.words().splitlines())
    assert "\x1b" not in hub.program.words()
    kept = hub.redis.hget(keys.relay_identity(cluster_id), "rotation")
    assert b"so FORGED  [2J" in kept


def test_what_a_cluster_does_wrong_again_and_again_does_not_fill_the_log(
    hub: Any, hostile: Any
) -> None:
    before = hub.program.words().count("closing a connection")
    for _ in range(10):
        with link(hub, *hostile) as sock:
            complaint = masked(0x81, b'{"type": "rotate", "failed": "again"}')
            sock.sendall(complaint + masked(0x89, b"heard?"))
            assert pong(sock) == b"heard?"
            sock.sendall(masked(0x82, b"data without a stream"))
            assert closed_within(sock, CLOSED_SECONDS)
    assert hub.program.words().count("closing a connection") <= before + 1
    assert hub.program.words().count("was not rotated: again") <= 1


def test_a_version_that_a_cluster_makes_up_steers_no_terminal(
    hub: Any, eventually: Callable[..., None]
) -> None:
    cluster_id = hub.record("painted")
    token = join.issue(hub.redis, cluster_id, 60).token
    body = {"token": token, "public_key": PrivateKey.generate().public, "cluster_uid": "u"}
    url = hub.url + "/relay/v1/join"
    answer = requests.post(url, json=body | {"version": "\x1b[2J1\n2"}, timeout=5, verify=hub.ca)
    assert answer.status_code == 200
    contact = keys.relay_contact(cluster_id)
    eventually("it is noted", lambda: hub.redis.hget(contact, "version") == b" [2J1 2")


def test_a_peer_that_asks_and_never_reads_costs_no_memory(hub: Any, hostile: Any) -> None:
    def resident() -> int:
        pages = Path(f"/proc/{hub.program.process.pid}/statm").read_text().split()[1]
        return int(pages) * 4096

    pings = masked(0x89, b"x" * 125) * 8000
    with link(hub, *hostile) as sock:
        sock.sendall(pings[: len(pings) // 100])
        before = resident()
        for _ in range(60):
            sock.sendall(pings)
        assert resident() - before < 20_000_000


def test_access_taken_back_is_noticed_even_when_the_message_is_lost(hub: Any) -> None:
    cluster_id, key = hub.member("forgotten")
    with link(hub, cluster_id, key) as sock:
        hub.redis.delete(keys.relay_identity(cluster_id))  # and nothing is published
        assert closed_within(sock, CLOSED_SECONDS)
        assert ask(hub, handshake(hub, key.token(cluster_id, CONNECT, time.time()))) == 403


def test_a_cluster_has_so_many_connections_and_no_more(hub: Any, hostile: Any) -> None:
    cluster_id, key = hostile
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(link(hub, cluster_id, key))
        assert ask(hub, handshake(hub, key.token(cluster_id, CONNECT, time.time()))) == 429


def test_silence_is_ended_in_time_at_every_stage(hub: Any, eventually: Callable[..., None]) -> None:
    before = files(hub)
    with ExitStack() as stack:
        plain = [
            stack.enter_context(socket.create_connection(("127.0.0.1", hub.port), timeout=15))
            for _ in range(20)
        ]
        secure = [stack.enter_context(tls(hub)) for _ in range(20)]
        halves = [stack.enter_context(tls(hub)) for _ in range(20)]
        for sock in halves:
            sock.sendall(b"GET /relay/v1/connect HTTP/1.1\r\nhost: x\r\n")
        deadline = time.monotonic() + SILENT_SECONDS
        for sock in (*plain, *secure, *halves):
            assert closed_within(sock, deadline - time.monotonic())
    eventually("no socket is left", lambda: files(hub) <= before)


def test_garbage_instead_of_tls_leaves_nothing_behind(
    hub: Any, eventually: Callable[..., None]
) -> None:
    before = files(hub)
    for number in range(100):
        with socket.create_connection(("127.0.0.1", hub.port), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.0\r\n\r\n"[: number % 19])
    eventually("no socket is left", lambda: files(hub) <= before)


def test_two_thousand_half_open_connections_are_bounded_and_let_go(
    tmp_path: Path, pki: Path, valkey_url: str, hub: Any, eventually: Callable[..., None]
) -> None:
    own = type(hub)(tmp_path, pki, hub.redis, valkey_url)
    try:
        before = files(own)
        with ExitStack() as stack:
            for _ in range(2200):
                sock = socket.socket()
                sock.setblocking(False)
                stack.enter_context(sock)
                sock.connect_ex(("127.0.0.1", own.port))
            eventually("some are turned away", lambda: "turned away" in own.program.words())
            assert files(own) <= before + 2000
            assert requests.get(own.internal_url + "/healthz", timeout=5).ok
            eventually("they are let go", lambda: files(own) <= before + 5, SILENT_SECONDS)
        assert ask(own, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n") == 404
    finally:
        own.close()
    assert "Traceback" not in own.program.words()


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 2000 + b"\r\n", id="a long head"),
        pytest.param(b"\x00" * 10_000, id="zeros"),
        pytest.param(b"GET /%2e%2e/x HTTP/1.1\r\nhost: x\r\n\r\n", id="dots"),
        pytest.param(b"GET http://10.0.0.1/ HTTP/1.1\r\nhost: x\r\n\r\n", id="absolute"),
        pytest.param(b"CONNECT manager.x.relay:443 HTTP/1.1\r\nhost: x\r\n\r\n", id="connect"),
        pytest.param(b"CONNECT 127.0.0.1:6379 HTTP/1.1\r\nhost: x\r\n\r\n", id="redis"),
        pytest.param(b"TRACE / HTTP/1.1\r\nhost: x\r\n\r\n", id="trace"),
        pytest.param(b"GET / HTTP/2.0\r\n\r\n", id="another version"),
        pytest.param(
            b"POST /relay/v1/join HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
            id="two lengths",
        ),
        pytest.param(
            b"POST /relay/v1/join HTTP/1.1\r\ncontent-length: 5\r\n"
            b"transfer-encoding: chunked\r\n\r\n",
            id="length and chunks",
        ),
        pytest.param(
            b"POST /relay/v1/join HTTP/1.1\r\ncontent-length: 999999999999\r\n\r\n",
            id="a huge join",
        ),
        pytest.param(
            b'POST /relay/v1/join HTTP/1.1\r\ncontent-length: 9010\r\n\r\n{"token": ' + b"[" * 9000,
            id="a deep join",
        ),
        pytest.param(b"POST /relay/v1/join HTTP/1.1\r\ncontent-length: -1\r\n\r\n", id="minus"),
        pytest.param(
            b'POST /relay/v1/join HTTP/1.1\r\ncontent-length: 13\r\n\r\n{"token":"\xff"}',
            id="a join not UTF-8",
        ),
    ],
)
def test_requests_that_make_no_sense_are_refused(hub: Any, request_bytes: bytes) -> None:
    status = ask(hub, request_bytes)
    assert status == 0 or 400 <= status < 500


def test_what_only_the_head_was_asked_of_has_no_body(hub: Any) -> None:
    with tls(hub) as sock:
        sock.sendall(b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert " 404 " in head_of(sock)
        assert sock.recv(1) == b""
