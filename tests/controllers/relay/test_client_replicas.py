"""Two relay-clients of one cluster, on a real API server: one joins, the other adopts that."""

import asyncio
import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from controllers.domain.errors import Unreachable
from controllers.relay import join
from controllers.relay.client.joiner import Joiner
from controllers.relay.client.keyring import SECRET, Keyring
from controllers.relay.client.kubernetes import Access, Kubernetes
from controllers.relay.identity import PrivateKey, key_id
from controllers.store import keys
from infra.local.sandbox_access import RIGHTS
from tests.agent.kube.conftest import SERVERS, Cluster
from tests.conftest import free_port
from tests.controllers.relay.backends import Backend, ManagerHandler
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import Program, await_that

NAMESPACE = "neurox-system"
SECRET_PATH = f"/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}"
CLIENTS = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """An API server with the chart's accounts, rights and empty Secrets."""
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for name in SERVERS:
            cluster.start(name)
        objects = cluster.objects()
        objects.apply_namespaces()
        objects.apply_folder(RIGHTS)
        objects.close()
        yield cluster
    finally:
        for name in reversed(SERVERS):
            cluster.stop(name)


class Team:
    """The relay-clients of one workload cluster."""

    def __init__(self, hub: Hub, cluster: Cluster, folder: Path) -> None:
        self.hub, self.cluster, self.folder = hub, cluster, folder
        objects = cluster.objects()
        self.kubeconfig = objects.token_kubeconfig("neurox-relay-client", NAMESPACE)
        admin = cluster.admin()
        admin.delete(SECRET_PATH)
        admin.close()
        objects.apply_text((RIGHTS / "relay-key.yaml").read_text(), "the empty Secrets")
        objects.close()
        self.cluster_id = hub.record(folder.name)
        self.manager = Backend(ManagerHandler)
        self.join_file = folder / "join.kubeconfig"
        self.join_file.write_text(hub.kubeconfig(self.cluster_id))
        self.programs: list[Program] = []
        self.ports: list[int] = []

    def kept(self) -> dict[str, str]:
        """What the Secret holds."""
        kube = self.cluster.admin()
        data = kube.get(SECRET_PATH).get("data") or {}
        kube.close()
        return {name: base64.b64decode(value).decode() for name, value in data.items()}

    def start(self) -> None:
        """All at once."""
        for number in range(CLIENTS):
            self.ports.append(free_port())
            env = {
                "NEUROX_RELAY_JOIN_FILE": str(self.join_file),
                "NEUROX_RELAY_KUBECONFIG": str(self.kubeconfig),
                "NEUROX_RELAY_MANAGER": f"http://{self.manager.address}",
                "NEUROX_RELAY_METRICS_LISTEN": f"127.0.0.1:{self.ports[-1]}",
                "NEUROX_RELAY_DRAIN_SECONDS": "1",
            }
            log = self.folder / f"client-{number}.log"
            self.programs.append(Program("controllers.relay.client", env, log))

    def is_ready(self, number: int) -> bool:
        assert self.programs[number].process.poll() is None, self.programs[number].words()
        try:
            return requests.get(f"http://127.0.0.1:{self.ports[number]}/readyz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def answers(self) -> bool:
        with self.hub.session(self.cluster_id) as session:
            try:
                return session.get("http://manager/x", timeout=5).ok
            except Unreachable:
                return False

    def links(self) -> float:
        """How many the relay-server has of this cluster."""
        text = requests.get(self.hub.internal_url + "/metrics", timeout=5).text
        start = f'neurox_relay_server_connections{{cluster="{self.cluster_id}"'
        rows = [line for line in text.splitlines() if line.startswith(start)]
        return sum(float(row.rpartition(" ")[2]) for row in rows)

    def keys_at_hub(self) -> list[str]:
        rows = self.hub.redis.hgetall(keys.relay_identity(self.cluster_id))
        return [value.decode() for name, value in rows.items() if name.startswith(b"key:")]

    def close(self) -> None:
        for program in self.programs:
            program.stop()
        self.manager.close()


@pytest.fixture
def team(hub: Hub, cluster: Cluster, tmp_path: Path) -> Iterator[Team]:
    team = Team(hub, cluster, tmp_path)
    yield team
    team.close()


def all_joined(team: Team) -> None:
    """Both are connected as one cluster, with the one key that the Secret holds."""
    for number in range(CLIENTS):
        await_that(f"client {number} is connected", lambda n=number: team.is_ready(n))
    kept = team.kept()
    assert kept["cluster-id"] == team.cluster_id
    assert team.keys_at_hub() == [PrivateKey.from_pem(kept["key"]).public]
    assert not any("Traceback" in program.words() for program in team.programs)


def test_two_that_start_at_once_join_as_one_cluster_and_their_pools_add_up(team: Team) -> None:
    team.start()
    all_joined(team)
    await_that("both pools are at the hub", lambda: team.links() >= 2 * 8)
    assert team.answers()


def test_one_is_enough(team: Team) -> None:
    team.start()
    all_joined(team)
    await_that("both pools are at the hub", lambda: team.links() >= 2 * 8)
    team.programs[0].process.kill()
    for _ in range(20):
        assert team.answers()


def test_one_rotates_the_key_and_the_other_adopts_it(team: Team) -> None:
    team.start()
    all_joined(team)
    old = PrivateKey.from_pem(team.kept()["key"])
    assert join.ask_rotation(team.hub.redis, team.cluster_id)

    def rotated() -> bool:
        return PrivateKey.from_pem(team.kept()["key"]).public != old.public

    await_that("there is a new key", rotated)
    # The day on which both are good is over.
    team.hub.redis.hdel(keys.relay_identity(team.cluster_id), f"key:{key_id(old.public)}")
    team.hub.redis.publish(keys.RELAY_EVENTS, team.cluster_id)
    await_that("both came back by the new key", lambda: team.links() >= 2 * 8)
    all_joined(team)
    assert team.answers()


async def _joins_until(team: Team, step: str) -> PrivateKey:
    """What a relay-client does until it is killed at that step; the key it made."""
    kubernetes = Kubernetes(Access.of(team.kubeconfig), NAMESPACE)
    try:
        if step == "joined":
            return (await Joiner(kubernetes, team.join_file, "t").member()).key
        keyring, key = Keyring(kubernetes), PrivateKey.generate()
        await keyring.load()
        await keyring.save_key(key)
        if step == "redeemed":
            joiner: Any = Joiner(kubernetes, team.join_file, "t")
            kubernetes.patch_secret = _killed  # type: ignore[method-assign]
            with pytest.raises(SystemExit):
                await joiner.member()
        return key
    finally:
        kubernetes.close()


async def _killed(*_: object) -> Any:
    raise SystemExit(os.EX_TEMPFAIL)


@pytest.mark.parametrize("step", ["key kept", "redeemed", "joined"])
def test_two_take_up_a_join_whose_client_was_killed(team: Team, step: str) -> None:
    key = asyncio.run(_joins_until(team, step))
    assert ("cluster-id" in team.kept()) is (step == "joined")
    assert team.keys_at_hub() == ([] if step == "key kept" else [key.public])
    team.start()
    all_joined(team)
    assert PrivateKey.from_pem(team.kept()["key"]).public == key.public
