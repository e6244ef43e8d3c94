"""Partings: access taken back, a server that stops, a client that stops, a server that is cut."""

import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from controllers.domain.errors import Unreachable
from controllers.relay import join, websocket
from controllers.relay.identity import CONNECT
from tests.conftest import Valkey
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.raw import head_of, tls
from tests.controllers.relay.site import slow_request
from tests.controllers.relay.stream import opened

ANSWER_BYTES = 24_000_000
"""More than two kernel buffers hold."""


def is_cut(site: Any) -> bool:
    """Whether a new stream is refused; one that is kept open would outlive a drain's begin."""
    with site.hub.session(site.cluster_id) as session:
        try:
            session.get("http://manager/x", timeout=5)
        except Unreachable:
            return True
    return False


def links(hub: Any, cluster_id: str, state: str = "") -> float:
    """How many the relay-server has of that cluster; one that is gone has none."""
    try:
        text = requests.get(hub.internal_url + "/metrics", timeout=5).text
    except requests.ConnectionError:
        return 0
    name = f'neurox_relay_server_connections{{cluster="{cluster_id}"'
    rows = [line for line in text.splitlines() if line.startswith(name) and state in line]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


def test_a_revoked_cluster_is_cut_at_once_and_stays_out(
    hub: Any, new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site, other = new_site(), new_site()
    site.join()
    other.join()
    asking, outcome = slow_request(site.hub, site)
    eventually("the request is under way", lambda: site.manager.seen)
    join.revoke(hub.redis, site.cluster_id)
    asking.join(10)
    assert isinstance(outcome[0], Unreachable)
    eventually("new streams are refused", lambda: is_cut(site), seconds=10)
    eventually("the client is told", lambda: "the hub answered 403" in site.program.words())
    assert not is_cut(other)
    site.join_file.write_text(hub.kubeconfig(site.cluster_id))
    eventually("a new token lets it in again", site.is_connected)


def test_a_client_comes_back_after_the_server_was_killed(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    hub.program.process.kill()
    hub.program.process.wait(30)
    assert is_cut(site)
    hub.start()
    began = time.monotonic()
    eventually("the cluster is back", site.is_connected)
    assert time.monotonic() - began < 10


def test_a_killed_client_comes_back_as_the_same_cluster(
    site: Any, eventually: Callable[..., None]
) -> None:
    asking, outcome = slow_request(site.hub, site)
    eventually("the request is under way", lambda: site.manager.seen)
    kept = site.kept()
    site.program.process.kill()
    site.program.process.wait(30)
    asking.join(10)
    assert isinstance(outcome[0], Unreachable)
    assert is_cut(site)
    site.start()
    eventually("the cluster is back", site.is_connected)
    assert site.kept() == kept


def test_a_server_that_is_stopped_as_it_starts_is_gone_at_once(hub: Any) -> None:
    for _ in range(8):
        assert hub.program.stop() == 0
        hub.start()


def test_a_stopping_server_lets_requests_end_and_clients_return(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    hub.program.stop()
    hub.start(drain=30.0)
    eventually("the cluster is back", site.is_connected)
    asking, outcome = slow_request(site.hub, site)
    eventually("the request is under way", lambda: site.manager.seen)
    hub.program.terminate()

    def refuses() -> bool:
        return requests.get(hub.internal_url + "/readyz", timeout=5).status_code == 503

    eventually("it is not ready any more", refuses)
    eventually("no new stream is opened", lambda: is_cut(site))
    assert not outcome
    site.manager.state["release"].set()
    asking.join(10)
    assert outcome == [200]
    assert hub.program.process.wait(30) == 0
    hub.start()
    eventually("the cluster is back", site.is_connected)


def test_a_stopping_server_waits_for_who_reads_slowly(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    hub.program.stop()
    hub.start(drain=30.0, NEUROX_RELAY_LIMIT_UNSENT_BYTES=str(2 * ANSWER_BYTES))
    eventually("the cluster is back", site.is_connected)
    with opened(site) as sock:
        sock.sendall(f"GET /bytes/{ANSWER_BYTES} HTTP/1.1\r\nconnection: close\r\n\r\n".encode())
        hub.program.terminate()
        eventually("its links are gone", lambda: not links(hub, site.cluster_id))
        with suppress(subprocess.TimeoutExpired):
            hub.program.process.wait(1)
        assert "content-length" in head_of(sock)
        received = 0
        while data := sock.recv(65536):
            received += len(data)
    assert received == ANSWER_BYTES
    assert hub.program.process.wait(30) == 0
    hub.start()


def test_a_stopping_server_cuts_who_reads_too_slowly(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    hub.program.stop()
    hub.start(NEUROX_RELAY_LIMIT_UNSENT_BYTES=str(2 * ANSWER_BYTES))
    eventually("the cluster is back", site.is_connected)
    with opened(site) as sock:
        sock.sendall(f"GET /unframed/{ANSWER_BYTES} HTTP/1.1\r\n\r\n".encode())
        eventually("all of it is here", lambda: not links(hub, site.cluster_id, "streaming"))
        assert hub.program.stop() == 0
        with pytest.raises(ConnectionResetError), sock.makefile("rb") as answer:
            answer.read()
    hub.start()


def test_a_stopping_server_cuts_what_does_not_end(
    hub: Any, site: Any, eventually: Callable[..., None]
) -> None:
    asking, outcome = slow_request(site.hub, site)
    eventually("the request is under way", lambda: site.manager.seen)
    assert hub.program.stop() == 0
    asking.join(10)
    assert isinstance(outcome[0], Unreachable)
    hub.start()


def test_a_stopping_client_lets_requests_end(
    new_site: Callable[[], Any], eventually: Callable[..., None]
) -> None:
    site = new_site()
    site.join(NEUROX_RELAY_DRAIN_SECONDS="30")
    asking, outcome = slow_request(site.hub, site)
    eventually("the request is under way", lambda: site.manager.seen)
    site.program.terminate()
    eventually("no new stream is opened", lambda: is_cut(site))
    site.manager.state["release"].set()
    asking.join(10)
    assert outcome == [200]
    assert site.program.process.wait(30) == 0


def test_a_stopping_server_answers_on_a_connection_that_idled_and_closes_it_then(
    hub: Any, eventually: Callable[..., None]
) -> None:
    hub.program.stop()
    hub.start(drain=10.0)
    with requests.Session() as proxy:
        proxy.trust_env, proxy.verify = False, hub.ca
        assert proxy.get(hub.url + "/relay/v1/join", timeout=5).status_code == 403
        hub.program.terminate()
        eventually("it is not ready any more", lambda: not hub.is_ready())
        answer = proxy.get(hub.url + "/relay/v1/join", timeout=5)
    assert answer.status_code == 403
    assert answer.headers["connection"] == "close"
    assert hub.program.process.wait(30) == 0
    hub.start()


def test_nobody_is_let_in_whose_token_is_checked_while_the_server_begins_to_leave(
    tmp_path: Path, pki: Path, valkey: Valkey, eventually: Callable[..., None]
) -> None:
    with (
        Redis.from_url(valkey.url, socket_timeout=5) as redis,
        closing(Hub(tmp_path, pki, redis, valkey.url)) as hub,
    ):
        cluster_id, key = hub.member()
        token = key.token(cluster_id, CONNECT, time.time())
        with tls(hub) as sock:
            valkey.process.send_signal(signal.SIGSTOP)
            try:
                sock.sendall(websocket.request("hub", websocket.new_key(), token, "t"))
                # By the time that this has its answer, the server asks Valkey for the key.
                assert requests.get(hub.url, timeout=5, verify=hub.ca).status_code == 404
                hub.program.terminate()
                eventually("it is not ready any more", lambda: not hub.is_ready())
            finally:
                valkey.process.send_signal(signal.SIGCONT)
            assert " 503 " in head_of(sock)
