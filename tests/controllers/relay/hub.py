"""A hub: a real relay-server, and what stands behind it."""

import time
import uuid
from pathlib import Path

import msgspec
import requests
from redis import Redis

from controllers.credentials import hub_key
from controllers.domain.cluster import Cluster
from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.relay.session import cluster_session
from controllers.store import keys
from tests.conftest import free_port
from tests.controllers.relay.backends import Backend, ReceiveHandler
from tests.controllers.relay.program import Program, await_that
from tests.controllers.relay.stream import SERVICE_TOKEN


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
