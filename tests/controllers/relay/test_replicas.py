"""Two relay-servers: either reaches every cluster, and one may go without a failed call."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from redis import Redis

from controllers.domain.errors import Unreachable
from controllers.relay import websocket
from controllers.relay.identity import CONNECT, PrivateKey
from controllers.relay.limits import PROTOCOL
from controllers.store import keys
from tests.conftest import Valkey
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.pair import Load, Pair, links, metric, patiently, state
from tests.controllers.relay.program import await_that
from tests.controllers.relay.raw import head_of
from tests.controllers.relay.site import Site, slow_request
from tests.controllers.relay.stream import SERVICE_TOKEN


@pytest.fixture
def pair(tmp_path: Path, pki: Path, valkey: Valkey) -> Iterator[Pair]:
    with Redis.from_url(valkey.url, socket_timeout=5) as redis:
        pair = Pair(tmp_path, pki, redis, valkey.url)
        yield pair
        pair.close()


@pytest.fixture
def site(pair: Pair, tmp_path: Path) -> Iterator[Site]:
    """A cluster that has links to a alone; b runs too."""
    site = pair.site_at_a(tmp_path / "site")
    pair.start_apart("b")
    yield site
    site.close()


def connect(hub: Hub, site: Site, hop: str | None = None) -> str:
    """The status of a CONNECT by hand; a peer's is told first that it is heard."""
    authority = f"manager.{site.cluster_id}.relay:443"
    lines = [f"CONNECT {authority} HTTP/1.1", f"proxy-authorization: Bearer {SERVICE_TOKEN}"]
    lines += [] if hop is None else [f"x-neurox-hop: {hop}"]
    with socket.create_connection(("127.0.0.1", hub.internal), timeout=15) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode())
        status = head_of(sock).split(" ")[1]
        return head_of(sock).split(" ")[1] if status == "100" else status


def test_a_replica_without_links_goes_through_the_one_that_redis_names(
    pair: Pair, site: Site
) -> None:
    assert links(pair.b, site) == 0
    assert state(pair.b, site).text == "/v1/state"
    payload = bytes(range(256)) * 40_000
    with pair.b.session(site.cluster_id) as session:
        for _ in range(3):
            answer = session.post("http://manager/echo", data=payload, timeout=30)
            assert answer.content == payload
        assert metric(pair.b, "peer_streams") == 1
    assert metric(pair.b, 'peer_forwards_total{outcome="opened"}') == 2
    assert metric(pair.a, 'peer_forwards_total{outcome="opened"}') == 0


def test_a_forwarded_stream_that_is_cut_is_an_error(pair: Pair, site: Site) -> None:
    asking, outcome = slow_request(pair.b, site)
    await_that("the request is under way", lambda: site.manager.seen)
    site.program.process.kill()
    asking.join(10)
    assert isinstance(outcome[0], Unreachable)
    await_that("no stream is left at b", lambda: metric(pair.b, "peer_streams") == 0)


@pytest.mark.parametrize(
    ("hop", "status"),
    [("a", "404"), ("b", "508"), ("stranger", "503"), ("a, a", "400"), ("", "400")],
)
def test_a_hop_header_that_is_wrong_or_loops_is_refused(
    pair: Pair, site: Site, hop: str, status: str
) -> None:
    assert connect(pair.b, site, hop) == status
    assert metric(pair.b, "peer_forwards_total") == 0


def test_without_a_word_in_redis_all_peers_are_asked(pair: Pair, site: Site) -> None:
    pair.a.redis.delete(keys.relay_presence(site.cluster_id))
    assert state(pair.b, site).ok
    assert metric(pair.b, 'peer_forwards_total{outcome="opened"}') == 1
    with pair.b.session("00000000-0000-0000-0000-000000000000") as session:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="the cluster is not connected"):
            session.get("http://manager/x", timeout=5)
        assert time.monotonic() - began < 4, "who may come is waited for 5 s"
    assert metric(pair.b, 'peer_forwards_total{outcome="not_there"}') == 1


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    """A replica that Redis names first and that does nothing; its kernel takes connections."""
    redis, presence = site.hub.redis, keys.relay_presence(site.cluster_id)
    with socket.create_server(("127.0.0.1", 0)) as still:
        redis.set(keys.relay_replica("z"), f"127.0.0.1:{still.getsockname()[1]}")
        redis.hset(presence, "z", '{"idle": 1000}')
        yield
    redis.hdel(presence, "z")


def test_a_peer_that_is_frozen_costs_one_call_a_second_and_the_next_ones_nothing(
    pair: Pair, site: Site
) -> None:
    seconds = []
    with frozen(site):
        for _ in range(4):
            began = time.monotonic()
            assert state(pair.b, site).ok
            seconds.append(time.monotonic() - began)
    assert 0.9 < seconds[0] < 5
    assert min(seconds[1:]) < 0.8, "the others may take as long on a busy machine"
    assert metric(pair.b, 'peer_forwards_total{outcome="silent"}') == 1
    assert metric(pair.b, 'peer_forwards_total{outcome="opened"}') == 4


def test_a_peer_that_is_at_it_is_given_the_time_that_a_cluster_needs(
    pair: Pair, site: Site
) -> None:
    """Which here says nothing either, so that the whole time for its dial passes."""
    site.program.process.send_signal(signal.SIGSTOP)
    try:
        assert connect(pair.b, site) == "504"
    finally:
        site.program.process.send_signal(signal.SIGCONT)
    assert metric(pair.b, 'peer_forwards_total{outcome="silent"}') == 0


def test_a_client_holds_links_to_two_replicas_and_loses_one_without_being_lost(
    pair: Pair, site: Site
) -> None:
    pair.outside.ports += [pair.a.port, pair.b.port]
    await_that("the client has found b", lambda: links(pair.b, site), seconds=60)
    pair.leave("a").program.process.kill()
    for _ in range(20):
        assert state(pair.b, site).ok


def test_a_call_waits_for_a_cluster_that_has_just_lost_its_only_replica(
    pair: Pair, site: Site
) -> None:
    assert state(pair.b, site).ok, "Redis names a"
    pair.outside.ports.append(pair.b.port)
    pair.a.program.process.kill()
    pair.a.program.process.wait(30)
    answer = patiently(pair.b, site)
    assert answer.ok, answer.reason
    assert metric(pair.b, 'peer_forwards_total{outcome="unreachable"}') > 0


def test_presence_returns_after_redis_was_emptied_and_restored(pair: Pair, site: Site) -> None:
    redis = pair.a.redis
    kept = {name: redis.dump(name) for name in redis.keys("neurox:relay:identity:*")}
    records = redis.dump(keys.CLUSTERS)
    with redis.pipeline(transaction=True) as pipe:
        pipe.flushall()
        pipe.restore(keys.CLUSTERS, 0, records)
        for name, value in kept.items():
            pipe.restore(name, 0, value)
        pipe.execute()
    await_that("both replicas say so again", lambda: redis.scard(keys.RELAY_REPLICAS) == 2)
    await_that(
        "a says whom it holds", lambda: redis.hget(keys.relay_presence(site.cluster_id), "a")
    )
    assert state(pair.b, site).ok


def test_without_redis_tunnels_stay_and_streams_open_at_both_replicas(
    pair: Pair, site: Site, valkey: Valkey, tmp_path: Path
) -> None:
    with pair.b.session(site.cluster_id) as session:
        assert session.get("http://manager/1", timeout=5).ok
        valkey.kill()
        assert session.get("http://manager/2", timeout=5).ok, "a stream that is open goes on"
    assert state(pair.a, site).ok
    assert state(pair.b, site).ok
    answer = dial(pair.a)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    valkey.start()
    pair.outside.ports += [pair.a.port, pair.b.port]
    second = pair.site(tmp_path / "second")
    try:
        await_that("a new cluster joins", lambda: state(pair.b, second).ok)
    finally:
        second.close()
    assert state(pair.b, site).ok


def dial(hub: Hub) -> requests.Response:
    """The answer to a link whose token is well made, of a cluster that nobody knows yet."""
    key = PrivateKey.generate()
    token = key.token("11111111-1111-1111-1111-111111111111", CONNECT, time.time())
    headers = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": websocket.new_key(),
        "sec-websocket-protocol": PROTOCOL,
        "authorization": f"Bearer {token}",
    }
    url = hub.url + websocket.CONNECT_PATH
    return requests.get(url, headers=headers, verify=hub.ca, timeout=10)


def test_a_rolling_restart_of_both_replicas_fails_no_call(pair: Pair, tmp_path: Path) -> None:
    pair.start("a")
    pair.start("b")
    site = pair.site(tmp_path / "site")
    await_that("the cluster is connected", lambda: state(pair.a, site).ok)
    load = Load(pair.inside.port, site.cluster_id, ["/1", "/2", "/3", "/pause/2", "/pause/2"])
    try:
        pair.roll(load)
    finally:
        load.stop()
        site.close()
    assert load.failures == []
    assert load.paused >= 4, "streams of some length ran through both restarts"
