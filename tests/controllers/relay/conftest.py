"""A hub, clusters and what stands behind both: real processes, sockets, TLS and Valkey."""

import base64
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import requests
from redis import Redis

from controllers.credentials import hub_key
from controllers.domain.cluster import Cluster
from controllers.domain.errors import Unreachable
from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.relay.session import cluster_session
from controllers.store import keys
from infra.local import relay_pki
from tests.conftest import Valkey, free_port
from tests.controllers.relay.backends import (
    SECRETS,
    Backend,
    KubernetesHandler,
    ManagerHandler,
    ReceiveHandler,
)
from tests.controllers.relay.stream import SERVICE_TOKEN

HANG_SECONDS = 60.0
"""What nothing takes but a hang, on a machine that does other things too."""


def await_that(what: str, condition: Callable[[], object], seconds: float = HANG_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class Program:
    """A process of ours with its log."""

    def __init__(self, module: str, env: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, **env},
                stdout=out,
                stderr=out,
            )

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        if self.process.poll() is None:
            self.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(30)
            raise

    def words(self) -> str:
        return self.log.read_text()


class Hub:
    """A relay-server with a Valkey and a metrics store behind it."""

    def __init__(
        self, folder: Path, pki: Path, redis: Redis, redis_url: str, begin: bool = True
    ) -> None:
        self.folder, self.pki, self.redis, self.redis_url = folder, pki, redis, redis_url
        self.port, self.internal = free_port(), free_port()
        self.url, self.internal_url = (
            f"https://127.0.0.1:{self.port}",
            f"http://127.0.0.1:{self.internal}",
        )
        self.ca = str(pki / "ca.crt")
        self.receive = Backend(ReceiveHandler)
        self.hub_key = folder / "hub-key"
        hub_key.keep(self.hub_key, more=False)
        (folder / "service-token").write_text(SERVICE_TOKEN + "\n")
        if begin:
            self.start()

    def start(self, drain: float = 1.0, **more: str) -> None:
        env = {
            "NEUROX_RELAY_LISTEN": f"127.0.0.1:{self.port}",
            "NEUROX_RELAY_TLS_CERT_FILE": str(self.pki / "relay.crt"),
            "NEUROX_RELAY_TLS_KEY_FILE": str(self.pki / "relay.key"),
            "NEUROX_RELAY_INTERNAL_LISTEN": f"127.0.0.1:{self.internal}",
            "NEUROX_RELAY_TOKEN_FILE": str(self.folder / "service-token"),
            "NEUROX_REDIS_URL": self.redis_url,
            "NEUROX_RELAY_RECEIVE_URL": f"http://{self.receive.address}/api/v1/receive",
            "NEUROX_RELAY_DRAIN_SECONDS": str(drain),
            "NEUROX_HUB_KEYS_FILE": str(self.hub_key / "chain.json"),
            **more,
        }
        self.program = Program("controllers.relay.server", env, self.folder / "server.log")
        try:
            await_that("the relay-server is ready", self.is_ready)
        except AssertionError:
            self.program.stop()  # whoever asked for it gets nothing that could be closed
            raise

    def is_ready(self) -> bool:
        assert self.program.process.poll() is None, self.program.words()
        try:
            return requests.get(self.internal_url + "/readyz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def record(self, name: str) -> str:
        cluster = Cluster(str(uuid.uuid4()), name, time.time())
        self.redis.hset(keys.CLUSTERS, cluster.id, msgspec.json.encode(cluster))
        return cluster.id

    def kubeconfig(self, cluster_id: str, ttl: float = 60.0) -> str:
        token = join.issue(self.redis, cluster_id, ttl).token
        return join.kubeconfig(self.url, Path(self.ca).read_text(), token)

    def member(self, name: str = "member") -> tuple[str, PrivateKey]:
        """A cluster id and the key that has joined for it."""
        cluster_id, key = self.record(name), PrivateKey.generate()
        token = join.issue(self.redis, cluster_id, 60).token
        body = {"token": token, "public_key": key.public, "cluster_uid": "u"}
        url = self.url + "/relay/v1/join"
        assert requests.post(url, json=body, timeout=5, verify=self.ca).status_code == 200
        return cluster_id, key

    def session(self, cluster_id: str) -> requests.Session:
        return cluster_session(self.internal_url, SERVICE_TOKEN, cluster_id)

    def close(self) -> None:
        try:
            if hasattr(self, "program"):
                self.program.stop()
        finally:
            self.receive.close()


class Site:
    """A workload cluster: its API server, its manager and its relay-client."""

    def __init__(self, hub: Hub, folder: Path, cluster_id: str) -> None:
        folder.mkdir()
        self.hub, self.folder, self.cluster_id = hub, folder, cluster_id
        self.kubernetes = Backend(KubernetesHandler, hub.pki)
        self.kubernetes.state["uid"] = str(uuid.uuid4())
        for name in SECRETS.values():
            self.kubernetes.state[name] = {"metadata": {"resourceVersion": "1", "uid": name}}
        self.manager = Backend(ManagerHandler)
        self.join_file = folder / "join.kubeconfig"
        self.metrics = free_port()
        self.session = hub.session(cluster_id)
        access = join.kubeconfig("https://x", Path(hub.ca).read_text(), "cluster-token")
        access = access.replace("https://x/relay/v1/join", f"https://{self.kubernetes.address}")
        (folder / "kubeconfig").write_text(access)

    def start(self, **more: str) -> None:
        self.program = self.client("client.log", self.metrics, **more)

    def client(self, log: str, metrics: int, **more: str) -> Program:
        """A replica of the relay-client."""
        env = {
            "NEUROX_RELAY_JOIN_FILE": str(self.join_file),
            "NEUROX_RELAY_KUBECONFIG": str(self.folder / "kubeconfig"),
            "NEUROX_RELAY_MANAGER": f"http://{self.manager.address}",
            "NEUROX_RELAY_METRICS_LISTEN": f"127.0.0.1:{metrics}",
            "NEUROX_RELAY_DRAIN_SECONDS": "1",
            **more,
        }
        return Program("controllers.relay.client", env, self.folder / log)

    def join(self, **more: str) -> None:
        self.join_file.write_text(self.hub.kubeconfig(self.cluster_id))
        self.start(**more)
        await_that("the cluster is connected", self.is_connected)

    def is_connected(self) -> bool:
        assert self.program.process.poll() is None, self.program.words()
        with self.hub.session(self.cluster_id) as session:
            try:
                return session.get("http://manager/v1/state", timeout=5).ok
            except Unreachable:
                return False

    def kept(self, name: str = "secret") -> dict[str, str]:
        data = self.kubernetes.state[name].get("data", {})
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def is_listening(self) -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{self.metrics}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False

    def write(self, data: bytes, **headers: str) -> requests.Response:
        """As the cluster's Prometheus does."""
        await_that("there is a write token", lambda: self.kept("write_token").get("token"))
        shown = {"authorization": f"Bearer {self.kept('write_token')['token']}"}
        url = f"http://127.0.0.1:{self.metrics}/api/v1/write"
        answers: list[requests.Response] = []

        def knows_it() -> bool:
            answers.append(requests.post(url, data, headers=shown | headers, timeout=10))
            return "has no write token yet" not in answers[-1].text

        await_that("the client knows what it has kept", knows_it)
        return answers[-1]

    def close(self) -> None:
        self.session.close()
        if hasattr(self, "program"):
            self.program.stop()
        self.kubernetes.close()
        self.manager.state.setdefault("release", threading.Event()).set()
        self.manager.close()


def slow_request(hub: Hub, site: Site) -> tuple[threading.Thread, list[int | Unreachable]]:
    """A request by that hub that is under way until the manager's ``release`` is set."""
    outcome: list[int | Unreachable] = []

    def ask() -> None:
        with hub.session(site.cluster_id) as session:
            try:
                outcome.append(session.get("http://manager/slow", timeout=60).status_code)
            except Unreachable as failure:
                outcome.append(failure)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread, outcome


@pytest.fixture(scope="package")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    relay_pki.ensure(folder, datetime.now(UTC))
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, pki: Path, valkey_url: str) -> Iterator[Hub]:
    """A relay-server for the tests of one file."""
    with Redis.from_url(valkey_url, socket_timeout=5) as redis:
        hub = Hub(tmp_path_factory.mktemp("hub"), pki, redis, valkey_url)
        yield hub
        hub.close()


@pytest.fixture
def hubs(tmp_path: Path, pki: Path, valkey: Valkey) -> Iterator[list[Hub]]:
    """Two replicas on one Valkey that may be killed."""
    with Redis.from_url(valkey.url, socket_timeout=5) as redis:
        hubs: list[Hub] = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            hubs.append(Hub(tmp_path / name, pki, redis, valkey.url))
        yield hubs
        for hub in hubs:
            hub.close()


@pytest.fixture
def new_site(hub: Hub, tmp_path: Path) -> Iterator[Callable[[], Site]]:
    """Makes clusters that have a record, and are not joined yet."""
    if hub.program.process.poll() is not None:
        hub.start()  # the test before this one failed while it was down
    with ExitStack() as stack:

        def make() -> Site:
            name = uuid.uuid4().hex[:8]
            site = Site(hub, tmp_path / name, hub.record(name))
            stack.callback(site.close)
            return site

        yield make


@pytest.fixture
def site(new_site: Callable[[], Site]) -> Site:
    """A cluster that has joined."""
    site = new_site()
    site.join()
    return site


@pytest.fixture(scope="session")
def eventually() -> Callable[..., None]:
    """Waits for a condition, with a deadline."""
    return await_that


@pytest.fixture(scope="session")
def site_class() -> type[Site]:
    """For clusters that live longer than one test."""
    return Site
