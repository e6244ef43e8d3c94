"""The moments of a restart in which a call could fail: each is held open, and the call succeeds."""

import asyncio
import json
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from controllers.relay import message, wire
from controllers.relay.client import demand
from controllers.relay.limits import PoolSize
from controllers.store import keys
from tests.conftest import Valkey
from tests.controllers.relay import raw
from tests.controllers.relay.backends import Backend, ManagerHandler
from tests.controllers.relay.balancer import Balancer
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.pair import Pair, links, metric, patiently, state
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site
from tests.controllers.relay.stream import SERVICE_TOKEN, connect

SLOW_SECONDS = 0.5


class SlowLine(Balancer):
    """It takes its time before anything passes."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(SLOW_SECONDS)
        await super()._serve(reader, writer)


class LeavingFirst(Balancer):
    """Its first connection is cut, as by a replica that ends just then."""

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.accepted:
            self.accepted.append(self._loop.time())
            writer.transport.abort()
            return
        await super()._serve(reader, writer)


@pytest.fixture
def pair(tmp_path: Path, pki: Path, valkey: Valkey) -> Iterator[Pair]:
    with (
        Redis.from_url(valkey.url, socket_timeout=5) as redis,
        closing(Pair(tmp_path, pki, redis, valkey.url)) as pair,
    ):
        yield pair


@pytest.fixture
def site(pair: Pair, tmp_path: Path) -> Iterator[Site]:
    """A cluster that has links to a alone."""
    with closing(pair.site_at_a(tmp_path / "site")) as site:
        yield site


@contextmanager
def calling(hub: Hub, site: Site) -> Iterator[None]:
    """A call is under way while something is done, and succeeds in the end."""
    answers: list[requests.Response] = []
    thread = threading.Thread(target=lambda: answers.append(patiently(hub, site)))
    thread.start()
    try:
        yield
    finally:
        thread.join(30)
    assert [(each.status_code, each.reason) for each in answers] == [(200, "OK")]


def redis_by(line: Balancer, valkey: Valkey) -> str:
    """Its URL by way of that line."""
    port = valkey.url.rpartition(":")[2].partition("/")[0]
    line.ports.append(int(port))
    return f"redis://127.0.0.1:{line.port}/0"


def named(pair: Pair, site: Site, name: str, port: int) -> None:
    """Redis says that a replica of that name, at that port, has links of the cluster."""
    redis = pair.a.redis
    redis.set(keys.relay_replica(name), f"127.0.0.1:{port}", ex=30)
    redis.hset(keys.relay_presence(site.cluster_id), name, json.dumps({"idle": 99}))


def test_a_replica_is_known_to_its_peers_before_it_takes_calls(pair: Pair, valkey: Valkey) -> None:
    with closing(SlowLine()) as line:
        pair.b.redis_url = redis_by(line, valkey)
        pair.start("b")
        assert pair.a.redis.exists(keys.relay_replica("b"))
        assert b"b" in pair.a.redis.smembers(keys.RELAY_REPLICAS)
        pair.b.program.stop()


def test_a_call_by_a_replica_that_no_peer_knows_yet_waits_until_one_does(
    pair: Pair, site: Site
) -> None:
    with closing(Balancer()) as nobody:
        pair.b.redis_url = f"redis://127.0.0.1:{nobody.port}/0"
        pair.start_apart("b")
        with calling(pair.b, site):
            await_that("a refuses b", lambda: metric(pair.b, 'peer_forwards_total{outcome="busy"'))
            pair.a.redis.set(keys.relay_replica("b"), f"127.0.0.1:{pair.b.internal}", ex=30)
        pair.b.program.stop()


def test_an_address_that_somebody_else_has_now_is_passed_over(pair: Pair, site: Site) -> None:
    pair.start_apart("b")
    named(pair, site, "long-gone", pair.b.internal)
    assert state(pair.b, site).ok
    with closing(Backend(ManagerHandler)) as stranger:
        named(pair, site, "long-gone", int(str(stranger.address).rpartition(":")[2]))
        assert state(pair.b, site).ok
    assert metric(pair.b, 'peer_forwards_total{outcome="unreachable"') == 1


def test_a_call_waits_for_a_cluster_that_is_where_redis_does_not_know_it_yet(
    pair: Pair, site: Site
) -> None:
    pair.start_apart("b")
    pair.outside.cut()
    await_that("a has no link", lambda: not links(pair.a, site))
    presence = keys.relay_presence(site.cluster_id)
    await_that("a says so", lambda: not pair.a.redis.hexists(presence, "a"))
    named(pair, site, "a", pair.a.internal)
    with calling(pair.b, site):
        await_that("b asks", lambda: metric(pair.b, 'peer_forwards_total{outcome="not_there"'))
        pair.outside.ports.append(pair.b.port)


def test_a_cluster_keeps_the_links_of_a_replica_that_leaves_until_it_reaches_another(
    pair: Pair, tmp_path: Path
) -> None:
    pair.start("a")
    pair.start_apart("b")
    with closing(pair.site(tmp_path / "site")) as site:
        dials = pair.outside.accepted
        # One to join, and as many as a pool begins with.
        usual = 1 + PoolSize().start
        await_that("it looks for b", lambda: len(dials) > usual + 1)
        pair.outside.ports.clear()
        pair.a.program.terminate()
        until = time.monotonic() + demand.LET_GO_SECONDS + 2
        while time.monotonic() < until:
            assert state(pair.b, site).ok, "it has nothing else"
        pair.outside.ports.append(pair.b.port)
        await_that("it has reached b", lambda: links(pair.b, site))
        assert pair.a.program.process.wait(30) == 0
        assert state(pair.b, site).ok


def test_a_caller_whose_connection_is_cut_before_it_has_an_answer_asks_once_more(
    pair: Pair, site: Site
) -> None:
    with closing(LeavingFirst(pair.a.internal)) as service:
        pair.a.internal_url = f"http://127.0.0.1:{service.port}"
        assert state(pair.a, site).ok
        assert len(service.accepted) == 2
    pair.a.internal_url = f"http://127.0.0.1:{pair.a.internal}"


def test_a_server_that_leaves_hears_out_who_has_come_already(pair: Pair, site: Site) -> None:
    with socket.create_connection(("127.0.0.1", pair.a.internal), timeout=15) as caller:
        assert metric(pair.a, "limit"), "what came before this is accepted"
        pair.outside.ports.append(pair.start_apart("b").port)
        pair.a.program.terminate()
        await_that("all links are gone", lambda: links(pair.b, site) and not links(pair.a, site))
        authority = f"manager.{site.cluster_id}.relay:443"
        token = f"proxy-authorization: Bearer {SERVICE_TOKEN}"
        caller.sendall(f"CONNECT {authority} HTTP/1.1\r\n{token}\r\n\r\n".encode())
        assert caller.recv(4096).startswith(b"HTTP/1.1 200 ")
    assert pair.a.program.process.wait(30) == 0


def asked(link: ssl.SSLSocket) -> int:
    """The id of the stream that the server opens on that link; it says nothing else there."""
    while True:
        first, size = link.recv(2)
        size = size if size < 126 else int.from_bytes(link.recv(2), "big")
        said = json.loads(link.recv(size)) if first == 0x81 else {}
        if said.get("type") == "open":
            return int(said["id"])


def closing_frame(_number: int) -> bytes:
    """And nothing more: the connection itself stays, as when a client's machine dies just then."""
    return raw.masked(0x88, wire.close_payload(wire.GOING_AWAY, "leaving"))


def drained(number: int) -> bytes:
    """What a client says that ends, when the time for its streams is over."""
    return raw.masked(0x81, message.encode(message.Drain(0.0))) + raw.masked(
        0x81, message.encode(message.Reset(number, "drained"))
    )


@pytest.mark.parametrize("last_words", [closing_frame, drained])
def test_a_stream_is_opened_on_another_link_when_one_goes_just_then(
    hub: Any, last_words: Callable[[int], bytes]
) -> None:
    cluster_id, key = hub.member("leaving")
    with raw.link(hub, cluster_id, key) as one, raw.link(hub, cluster_id, key) as other:
        lines: list[str] = []

        def call() -> None:
            sock, line = connect(hub, f"manager.{cluster_id}.relay:443")
            lines.append(line)
            sock.close()

        thread = threading.Thread(target=call)
        began = time.monotonic()
        thread.start()
        ready = {one: other, other: one}
        first = first_asked(one, other)
        first.sendall(last_words(asked(first)))
        second = ready[first]
        second.sendall(raw.masked(0x81, message.encode(message.Opened(asked(second)))))
        thread.join(20)
        assert lines == ["HTTP/1.1 200 Connection established"]
        assert time.monotonic() - began < 5, "sooner than the dial of the first would be given up"


def first_asked(*links: ssl.SSLSocket) -> ssl.SSLSocket:
    """The one that something comes over."""
    return select.select(links, [], [], 15)[0][0]
