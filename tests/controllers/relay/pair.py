"""Two relay-servers as the chart runs them, and callers that do not stop to call."""

import threading
import time
from pathlib import Path

import requests
from redis import Redis

from controllers.domain.errors import Unreachable
from controllers.relay.server.tunnel import POOL_WAIT_SECONDS
from controllers.relay.session import cluster_session
from tests.controllers.relay.balancer import Balancer
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site
from tests.controllers.relay.stream import SERVICE_TOKEN


class Pair:
    """Replicas a and b on one Valkey, with a Service before their public and internal ports."""

    drain = 20.0
    """Seconds that a replica gives its streams when it leaves."""

    def __init__(self, folder: Path, pki: Path, redis: Redis, redis_url: str) -> None:
        self.hubs: dict[str, Hub] = {}
        for name in ("a", "b"):
            (folder / name).mkdir()
            self.hubs[name] = Hub(folder / name, pki, redis, redis_url, begin=False)
        self.a, self.b = self.hubs["a"], self.hubs["b"]
        self.outside, self.inside = Balancer(), Balancer()

    def start(self, name: str) -> Hub:
        """Start one and let it in."""
        hub = self.hubs[name]
        peers = ",".join(f"127.0.0.1:{each.internal}" for each in self.hubs.values())
        hub.start(self.drain, NEUROX_RELAY_REPLICA=name, NEUROX_RELAY_PEERS=peers)
        self.outside.ports.append(hub.port)
        self.inside.ports.append(hub.internal)
        return hub

    def start_apart(self, name: str) -> Hub:
        """Start one that callers find and clusters do not."""
        hub = self.start(name)
        self.outside.ports.remove(hub.port)
        return hub

    def leave(self, name: str) -> Hub:
        """Take one out of both Services, as Kubernetes does before it sends SIGTERM."""
        hub = self.hubs[name]
        self.outside.ports.remove(hub.port)
        self.inside.ports.remove(hub.internal)
        return hub

    def site(self, folder: Path) -> Site:
        """A cluster that dials whichever replica is in."""
        site = Site(self.a, folder, self.a.record(folder.name))
        text = self.a.kubeconfig(site.cluster_id)
        url = f"https://127.0.0.1:{self.outside.port}"
        site.join_file.write_text(text.replace(self.a.url, url))
        site.start()
        return site

    def site_at_a(self, folder: Path) -> Site:
        """Start a, and a cluster that has links to it alone; from now on it reaches nobody."""
        self.start("a")
        site = self.site(folder)
        await_that("the cluster is connected", lambda: state(self.a, site).ok)
        self.outside.ports.clear()
        return site

    def roll(self, load: "Load") -> None:
        """Restart one after the other, with calls before, in between and after."""
        for name in self.hubs:
            load.await_more()
            leaving = self.leave(name)
            leaving.program.terminate()
            assert leaving.program.process.wait(60) == 0
            self.start(name)
        load.await_more()

    def close(self) -> None:
        for each in (*self.hubs.values(), self.outside, self.inside):
            each.close()


def state(hub: Hub, site: Site) -> requests.Response:
    """A request through a new stream that is opened at that replica."""
    with hub.session(site.cluster_id) as session:
        try:
            return session.get("http://manager/v1/state", timeout=10)
        except Unreachable as failure:
            answer = requests.Response()
            answer.status_code, answer.reason = 599, str(failure)
            return answer


def patiently(hub: Hub, site: Site) -> requests.Response:
    """The same; where it failed because the cluster needed longer than a call waits, once more."""
    for _ in range(5):
        began = time.monotonic()
        answer = state(hub, site)
        if answer.ok or time.monotonic() - began < POOL_WAIT_SECONDS:
            return answer
    return answer


def metric(hub: Hub, name: str) -> float:
    """The sum of a metric of the relay-server."""
    text = requests.get(hub.internal_url + "/metrics", timeout=5).text
    rows = [line for line in text.splitlines() if line.startswith("neurox_relay_server_" + name)]
    return sum(float(row.rpartition(" ")[2]) for row in rows)


def links(hub: Hub, site: Site) -> float:
    return metric(hub, f'connections{{cluster="{site.cluster_id}"')


class Load:
    """Callers that open streams one after another, by the internal Service, until stopped."""

    def __init__(self, port: int, cluster_id: str, paths: list[str]) -> None:
        self.opened = self.paused = 0
        self.failures: list[str] = []
        self._url, self._cluster_id = f"http://127.0.0.1:{port}", cluster_id
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(path,)) for path in paths]
        for thread in self._threads:
            thread.start()

    def await_more(self, calls: int = 50) -> None:
        """Wait for so many more calls."""
        enough = self.opened + calls
        await_that("there is some load", lambda: self.opened >= enough)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _call(self, path: str) -> None:
        while not self._stop.is_set():
            with cluster_session(self._url, SERVICE_TOKEN, self._cluster_id) as session:
                try:
                    assert session.get("http://manager" + path, timeout=30).text == path
                    self.opened += 1
                    self.paused += path.startswith("/pause/")
                except Unreachable as failure:
                    self.failures.append(f"{time.strftime('%X')} {path}: {failure}")
