"""Our two processes around the target, and what they tell of themselves."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from chains import CIPHER, Chain, connected
from redis import Redis

from controllers.relay import websocket
from controllers.relay.identity import CONNECT, PrivateKey
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that
from tests.controllers.relay.raw import head_of
from tests.controllers.relay.site import Site
from tests.controllers.relay.stream import SERVICE_TOKEN


class Relay:
    """A relay-server, a relay-client, and streams by CONNECT."""

    def __init__(self, hub: Hub, site: Site) -> None:
        self.hub, self.site = hub, site
        pids = hub.program.process.pid, site.program.process.pid
        authority = f"manager.{site.cluster_id}.relay:443"
        greeting = (
            f"CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n"
            f"proxy-authorization: Bearer {SERVICE_TOKEN}\r\n\r\n"
        )
        self.chain = Chain(hub.internal, greeting.encode(), pids)
        self.open = self.chain.open

    def ready(self) -> bool:
        """Whether a stream can be opened."""
        try:
            self.open().close()
        except ConnectionError:
            return False
        return True

    def descriptors(self) -> int:
        """Files of both processes that are open, other than their links."""
        pages = (
            f"{self.hub.internal_url}/metrics",
            f"http://127.0.0.1:{self.site.metrics}/metrics",
        )
        files = sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self.chain.pids)
        return files - sum(_links(requests.get(page, timeout=5).text) for page in pages)


def _links(page: str) -> int:
    found = re.findall(r"^neurox_relay_\w+_connections\{.*\} (\S+)$", page, re.MULTILINE)
    return int(sum(map(float, found)))


@contextmanager
def relay(hub: Hub, folder: Path, target: int, url: str = "") -> Iterator[Relay]:
    """A cluster that joins at ``url``, the hub's own if there is no other."""
    hub.url = url or hub.url
    site = Site(hub, folder, hub.record(folder.name))
    try:
        site.manager.address = f"127.0.0.1:{target}"
        site.join_file.write_text(hub.kubeconfig(site.cluster_id))
        site.start()
        ours = Relay(hub, site)
        await_that("the cluster is connected", ours.ready)
        yield ours
    finally:
        site.close()


@contextmanager
def hub(folder: Path, pki: Path, redis_url: str, tls: bool) -> Iterator[Hub]:
    """A relay-server, with TLS or behind it."""
    folder.mkdir()
    with Redis.from_url(redis_url) as redis:
        made = Hub(folder, pki, redis, redis_url, begin=False)
        try:
            if tls:
                made.start()
                with _dialled(made, tls) as sock:
                    assert isinstance(sock, ssl.SSLSocket)
                    assert (sock.cipher() or ("",))[0] == CIPHER
            else:
                made.start(NEUROX_RELAY_TLS_CERT_FILE="", NEUROX_RELAY_TLS_KEY_FILE="")
            yield made
        finally:
            made.close()


def _dialled(hub: Hub, tls: bool) -> socket.socket:
    plain = connected(hub.port)
    if not tls:
        return plain
    context = ssl.create_default_context(cafile=hub.ca)
    return context.wrap_socket(plain, server_hostname="127.0.0.1")


def link(hub: Hub, member: tuple[str, PrivateKey], tls: bool) -> socket.socket:
    """An idle connection of a cluster, by hand."""
    cluster_id, key = member
    sock = _dialled(hub, tls)
    token = key.token(cluster_id, CONNECT, time.time())
    sock.sendall(websocket.request("hub", websocket.new_key(), token, "bench"))
    head = head_of(sock)
    assert " 101 " in head, head
    return sock
