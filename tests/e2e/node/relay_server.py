"""A real relay-server on this machine that the pods of real nodes reach."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import requests
from redis import Redis

from controllers.domain.cluster import Cluster
from controllers.relay import join
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from infra.local.node import RealNode
from infra.local.sandbox import pki
from infra.local.sandbox.pki import Leaf
from tests.conftest import free_port
from tests.controllers.relay.program import Program


@dataclass(frozen=True)
class Hub:
    """Where it is, and the CA that signed its certificate."""

    url: str
    ca: Path
    redis: Redis

    def token(self, name: str, seconds: float) -> str:
        """A join token for a new record of that name."""
        cluster = Cluster(str(uuid.uuid4()), name, time.time())
        self.redis.hset(keys.CLUSTERS, cluster.id, msgspec.json.encode(cluster))
        return join.issue(self.redis, cluster.id, seconds).token

    def secret(self, token: str) -> str:
        """The join Secret of a token."""
        kubeconfig = join.kubeconfig(self.url, self.ca.read_text(), token)
        return join.secret_yaml(kubeconfig, "east")

    def redeem(self, token: str) -> None:
        """Use a token, as the relay-client of another cluster does."""
        public = PrivateKey.generate().public
        body = {"token": token, "public_key": public, "cluster_uid": str(uuid.uuid4())}
        with requests.Session() as session:
            session.trust_env = False
            address = self.url + join.JOIN_PATH
            answer = session.post(address, json=body, verify=str(self.ca), timeout=10)
        assert answer.status_code == 200, answer.text


@contextmanager
def running(node: RealNode, folder: Path, redis_url: str) -> Iterator[Hub]:
    """Started, at this machine's address in the node's network."""
    address = node.address.rpartition(".")[0] + ".1"
    pki.ensure(folder, datetime.now(UTC), {"ca": (Leaf("relay", "relay", names=(address,)),)})
    (folder / "token").write_text("a-token-of-these-tests")
    port = free_port()
    env = {
        "NEUROX_RELAY_LISTEN": f"{address}:{port}",
        "NEUROX_RELAY_TLS_CERT_FILE": str(folder / "relay.crt"),
        "NEUROX_RELAY_TLS_KEY_FILE": str(folder / "relay.key"),
        "NEUROX_RELAY_INTERNAL_LISTEN": f"127.0.0.1:{free_port()}",
        "NEUROX_RELAY_TOKEN_FILE": str(folder / "token"),
        "NEUROX_REDIS_URL": redis_url,
        "NEUROX_RELAY_RECEIVE_URL": "http://127.0.0.1:1/api/v1/receive",
    }
    with Redis.from_url(redis_url, socket_timeout=5) as redis:
        server = Program("controllers.relay.server", env, folder / "log")
        try:
            yield Hub(f"https://{address}:{port}", folder / "ca.crt", redis)
        finally:
            server.stop()
