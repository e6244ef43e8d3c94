"""A token is good once at all replicas together, and at none while that cannot be told."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import requests

from controllers.relay import websocket
from controllers.relay.identity import CONNECT, WRITE
from tests.conftest import Valkey
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.site import Site


def connect(hub: Hub, token: str) -> str:
    """The answer's head and body, as far as they come at once, to a handshake by hand."""
    context = ssl.create_default_context(cafile=hub.ca)
    with (
        closing(socket.create_connection(("127.0.0.1", hub.port), timeout=10)) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        sock.sendall(websocket.request("hub", websocket.new_key(), token, "test"))
        return sock.recv(65536).decode("latin-1")


def write(hub: Hub, token: str) -> requests.Response:
    headers = {"authorization": f"Bearer {token}"}
    url = hub.url + "/relay/v1/write"
    return requests.post(url, data=b"samples", headers=headers, timeout=20, verify=hub.ca)


def test_a_token_used_at_one_replica_is_refused_by_the_other(hubs: list[Hub]) -> None:
    first, second = hubs
    cluster_id, key = first.member()
    token = key.token(cluster_id, CONNECT, time.time())
    assert " 101 " in connect(first, token)
    assert " 401 " in connect(second, token)
    token = key.token(cluster_id, WRITE, time.time())
    assert write(second, token).status_code == 200
    again = write(first, token)
    assert (again.status_code, again.json()["detail"]) == (401, "the token was used before")
    assert not first.receive.seen


def test_a_used_token_is_forgotten_once_no_clock_could_take_it(hubs: list[Hub]) -> None:
    cluster_id, key = hubs[0].member()
    assert write(hubs[0], key.token(cluster_id, WRITE, time.time())).status_code == 200
    used = list(hubs[0].redis.scan_iter("neurox:relay:used:*"))
    assert len(used) == 1
    assert 295 <= hubs[0].redis.ttl(used[0]) <= 300


def test_without_redis_open_connections_go_on_and_nobody_new_is_let_in(
    hubs: list[Hub], valkey: Valkey, tmp_path: Path, eventually: Callable[..., None]
) -> None:
    hub = hubs[0]
    site = Site(hub, tmp_path / "site", hub.record("site"))
    try:
        site.join()
        cluster_id, key = hub.member()
        valkey.kill()
        for audience, ask in ((CONNECT, connect), (WRITE, write)):
            said: Any = ask(hub, key.token(cluster_id, audience, time.time()))
            text = said if isinstance(said, str) else f" {said.status_code} {said.headers}"
            assert " 503 " in text
            assert "retry-after" in text.lower()
        for number in range(20):
            with hub.session(site.cluster_id) as session:
                assert session.get(f"http://manager/{number}", timeout=5).ok
        assert requests.get(hub.internal_url + "/healthz", timeout=5).ok
        assert hub.program.words().count("no token can be checked") == 1
        valkey.start()

        def taken() -> bool:
            return write(hub, key.token(cluster_id, WRITE, time.time())).status_code == 200

        eventually("metrics are taken again", taken)
        assert "Redis answers again" in hub.program.words()
    finally:
        site.close()
