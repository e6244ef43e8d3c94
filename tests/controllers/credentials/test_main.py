import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from controllers.credentials.__main__ import asked, fill_all
from controllers.environment import SettingsError
from controllers.relay.client.kubernetes import Secret
from controllers.relay.hub_key import read_chain
from controllers.relay.kubeconfig import parse_kubeconfig


def test_secrets_are_asked_for_by_kind_and_name() -> None:
    env = {"NEUROX_CREDENTIALS": " redis=a-redis  admin=a-admin\n"}
    assert asked(env) == [("redis", "a-redis"), ("admin", "a-admin")]
    assert asked({}) == []


@pytest.mark.parametrize("word", ["radis=x", "redis", "redis="])
def test_a_word_that_says_nothing_is_named(word: str) -> None:
    with pytest.raises(
        SettingsError, match=f"{word!r}.*redis, relay, hub, admin, authority, invitation"
    ):
        asked({"NEUROX_CREDENTIALS": word})


def test_outside_a_pod_it_says_what_it_lacks() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "controllers.credentials"],
        env={**os.environ, "NEUROX_CREDENTIALS": "redis=a"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "no access to the API server" in done.stderr
    assert len(done.stderr.splitlines()) == 1


class Cluster:
    """Secrets and ConfigMaps by name, as the API server keeps them."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, str]] = {"edge": {}}
        self.config_maps: dict[str, dict[str, str]] = {"ca": {}}

    async def secret(self, name: str) -> Secret:
        return Secret(self.secrets[name], "1")

    async def patch_secret(self, name: str, data: dict[str, str], version: str) -> Secret:
        self.secrets[name] = {**self.secrets[name], **data}
        return await self.secret(name)

    async def patch_config_map(self, name: str, data: dict[str, str]) -> None:
        self.config_maps[name] |= data


def test_a_raised_generation_gives_the_key_that_clusters_know_one_successor() -> None:
    cluster = Cluster()
    cluster.secrets["hub"] = {}
    kept = []
    for generation in ("1", "2", "2", "1"):
        env = {"NEUROX_HUB_KEY_GENERATION": generation}
        asyncio.run(fill_all(cluster, [("hub", "hub")], env))
        kept.append(dict(cluster.secrets["hub"]))
    first, second, *later = kept
    assert second["signing.pem"] != first["signing.pem"]
    assert second["signing.pem"].endswith(first["signing.pem"])
    assert later == [second, second]
    assert len(read_chain(second["chain.json"])) == 2


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5", "99999999"])
def test_a_generation_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="must be a number from 1 to 9999, not"):
        asyncio.run(fill_all(Cluster(), [], {"NEUROX_HUB_KEY_GENERATION": value}))


def test_outside_kubernetes_the_key_lies_in_files_that_only_their_owner_reads(
    tmp_path: Path,
) -> None:
    folder, command = (
        tmp_path / "hub-key",
        [sys.executable, "-m", "controllers.credentials.hub_key"],
    )
    assert subprocess.run([*command, folder], timeout=60, check=False).returncode == 0
    files = sorted(folder.iterdir())
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    before = [path.read_text() for path in files]
    subprocess.run([*command, folder], timeout=60, check=True)
    assert [path.read_text() for path in files] == before
    subprocess.run([*command, "--successor", folder], timeout=60, check=True)
    assert len(read_chain((folder / "chain.json").read_bytes())) == 2
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert subprocess.run(command, timeout=60, capture_output=True, check=False).returncode == 2


def test_the_certificate_of_the_authority_lies_open_and_its_key_does_not() -> None:
    cluster, env = Cluster(), {"NEUROX_CA_CONFIG_MAP": "ca"}
    asyncio.run(fill_all(cluster, [("authority", "edge")], env))
    assert cluster.config_maps == {"ca": {"ca.crt": cluster.secrets["edge"]["ca.crt"]}}
    assert "PRIVATE KEY" in cluster.secrets["edge"]["ca.key"]


def test_an_authority_from_before_there_was_a_config_map_is_shown_there_too() -> None:
    cluster = Cluster()
    asyncio.run(fill_all(cluster, [("authority", "edge")], {}))
    before = dict(cluster.secrets["edge"])
    asyncio.run(fill_all(cluster, [("authority", "edge")], {"NEUROX_CA_CONFIG_MAP": "ca"}))
    assert cluster.secrets["edge"] == before
    assert cluster.config_maps["ca"]["ca.crt"] == before["ca.crt"]


def test_the_own_cluster_is_told_of_a_private_ca(tmp_path: Path) -> None:
    cluster, ca = Cluster(), tmp_path / "ca.crt"
    cluster.secrets["join"] = {}
    env = {"NEUROX_JOIN_SERVER": "https://neurox.example", "NEUROX_JOIN_CA_FILE": str(ca)}
    ca.write_text("nothing")
    with pytest.raises(SettingsError, match=r"expose\.caSecret holds no certificate"):
        asyncio.run(fill_all(cluster, [("invitation", "join")], env))
    ca.write_text("-----BEGIN CERTIFICATE-----\n")
    asyncio.run(fill_all(cluster, [("invitation", "join")], env))
    assert parse_kubeconfig(cluster.secrets["join"]["kubeconfig"]).ca_pem == ca.read_text()
