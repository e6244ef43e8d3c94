"""WebSocket implementations that are not ours, on either side: all understand each other."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from wsproto import ConnectionType, events
from wsproto.connection import Connection

from controllers.relay import message
from controllers.relay.identity import CONNECT
from controllers.relay.limits import FRAME_BYTES
from tests.controllers.relay import peers
from tests.controllers.relay.peers import Peer
from tests.controllers.relay.raw import link, masked

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
END = b""
DIALLED = {"websockets": peers.dialled_by_websockets, "wsproto": peers.dialled_by_wsproto}
SERVED = {"websockets": peers.served_by_websockets, "wsproto": peers.served_by_wsproto}


def said(peer: Peer, kind: str) -> dict[str, Any]:
    """The next message of that kind; what comes before it is passed over."""
    while True:
        got = peer.receive()
        if isinstance(got, str) and json.loads(got)["type"] == kind:
            return json.loads(got)


def until(peer: Peer, words: bytes) -> bytes:
    """The bytes of the stream, up to these."""
    data = b""
    while not data.endswith(words):
        got = peer.receive()
        assert isinstance(got, bytes), got
        data += got
    return data


# Theirs is the client, ours the relay-server.


@pytest.fixture(params=DIALLED)
def client(request: pytest.FixtureRequest, hub: Any) -> Iterator[tuple[Peer, str]]:
    """A link, and the cluster's id."""
    cluster_id, key = hub.member(f"interop-{request.param}")
    with DIALLED[request.param](hub, key.token(cluster_id, CONNECT, time.time())) as peer:
        yield peer, cluster_id


def asked(hub: Any, cluster_id: str) -> tuple[threading.Thread, list[str]]:
    """A call of the control plane that is under way."""
    answers: list[str] = []

    def call() -> None:
        with hub.session(cluster_id) as session:
            answers.append(session.get("http://manager/x", timeout=10).text)

    thread = threading.Thread(target=call)
    thread.start()
    return thread, answers


def test_their_client_serves_one_stream_after_another_in_fragments(hub: Any, client: Any) -> None:
    peer, cluster_id = client
    assert said(peer, "hello")["replica"]
    for number in (1, 2):
        thread, answers = asked(hub, cluster_id)
        opened = said(peer, "open")
        assert opened["id"] == number
        assert opened["target"] == "manager"
        peer.send(['{"type": "opened",', f' "id": {number}', "}"])
        assert until(peer, b"\r\n\r\n").startswith(b"GET /x ")
        peer.send([ANSWER[:7], b"", ANSWER[7:-1], ANSWER[-1:], b""])
        thread.join(10)
        assert answers == ["hello"]
        assert peer.receive() == END
        peer.send([b"", b""])


def test_our_server_answers_their_pings(client: Any) -> None:
    peer, _ = client
    assert peer.ping(b"")
    assert peer.ping(b"x" * 125)


def test_our_server_answers_their_close(client: Any) -> None:
    peer, _ = client
    assert peer.close(1000) == 1000


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(bytes(FRAME_BYTES + 1), id="a frame too large"),
        pytest.param("x" * 4097, id="a message too long"),
        pytest.param(["{" * 4000, "{" * 97], id="one too long in fragments"),
        pytest.param(b"x", id="data without a stream"),
        pytest.param([b"", b""], id="an end without a stream"),
    ],
)
def test_our_server_tells_them_that_they_broke_the_protocol(client: Any, wrong: Any) -> None:
    peer, _ = client
    said(peer, "hello")
    peer.send(wrong)
    assert peer.closed_by() == 1002


def replies(hub: Any, name: str, frames: bytes) -> Iterator[events.Event]:
    """What wsproto reads in the server's answer to frames made by hand."""
    with link(hub, *hub.member(name)) as sock:
        reader = Connection(ConnectionType.CLIENT)
        sock.sendall(frames)
        while data := sock.recv(65536):
            reader.receive_data(data)
            for event in reader.events():
                yield event
                if isinstance(event, events.CloseConnection):
                    return


def test_a_clients_frame_without_a_mask_is_refused_with_1002(hub: Any) -> None:
    assert [event.code for event in replies(hub, "unmasked", b"\x82\x05hello")] == [1002]


def test_a_mask_of_zeros_is_a_mask(hub: Any) -> None:
    events_ = replies(hub, "zeros", masked(0x89, b"still there?"))
    assert next(events_).payload == b"still there?"


# Theirs is the server, ours the relay-client.


@pytest.fixture(params=SERVED)
def server(
    request: pytest.FixtureRequest, tmp_path: Path, pki: Path, hub: Any, site_class: Any
) -> Iterator[tuple[Callable[[], Peer], Any]]:
    """Gives the links that our client dials, and the client's cluster."""
    with ExitStack() as stack:
        own = type(hub)(tmp_path, pki, hub.redis, hub.redis_url)
        stack.callback(own.close)
        site = site_class(own, tmp_path / "site", own.record("interop"))
        stack.callback(site.close)
        site.join()
        own.program.stop()
        yield stack.enter_context(SERVED[request.param](own.port, pki)), site


def greeted(peer: Peer) -> Peer:
    hello = message.Hello("theirs", message.Pool(min=1, start=1, max=1), ping_s=1.0)
    peer.send(message.encode(hello).decode())
    return peer


def test_our_client_serves_their_server(server: Any, eventually: Callable[..., None]) -> None:
    accept, site = server
    peer = greeted(accept())
    for number in (1, 2):
        opening = message.encode(message.Open(number, "manager", 5000)).decode()
        peer.send([opening[:9], opening[9:]])
        peer.send([b"GET /v1/state HTTP/1.1\r\n", b"", b"host: manager\r\n\r\n"])
        assert said(peer, "opened")["id"] == number
        assert until(peer, b"/v1/state").startswith(b"HTTP/1.1 200")
        peer.send(END)
        assert peer.receive() == END
    assert peer.ping(b"from the server")

    def measured() -> bool:
        page = requests.get(f"http://127.0.0.1:{site.metrics}/metrics", timeout=5).text
        peer.ping(b"again")  # wsproto answers the client's pings while it reads
        return "neurox_relay_client_round_trip_seconds" in page

    eventually("the client's ping is answered", measured)


@pytest.mark.parametrize("wrong", [bytes(FRAME_BYTES + 1), "x" * 4097, b"x"])
def test_our_client_tells_them_that_they_broke_the_protocol(server: Any, wrong: Any) -> None:
    accept, _ = server
    peer = greeted(accept())
    peer.send(wrong)
    assert peer.closed_by() == 1002


def test_our_client_answers_their_close_and_dials_again(server: Any) -> None:
    accept, _ = server
    assert greeted(accept()).close(1001) == 1000
    assert greeted(accept()).ping(b"")
