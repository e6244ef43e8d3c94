"""What a new user does: install by Helm, sign in, let a second cluster join, upgrade, uninstall."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import requests
import yaml
from installation import NAMESPACE, ROOT, Cluster, Installed, eventually, install, started

from infra.local.node import Network

pytestmark = pytest.mark.node

INSTALL_SECONDS = 90
JOIN_SECONDS = 60
STOP_SECONDS = 90
"""The longest that a pod of ours may take to stop."""


@pytest.fixture(scope="module")
def hub(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("hub", network, images, tools)


@pytest.fixture(scope="module")
def east(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("east", network, images, tools)


@pytest.fixture(scope="module")
def installed(hub: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    found = install(hub, tmp_path_factory.mktemp("ca"))
    assert f"1. Open {found.url}" in found.notes
    print(f"helm install --wait took {found.took:.1f} s (limit {INSTALL_SECONDS})")
    return found


def test_the_control_plane_is_up_in_time_and_shows_its_first_page(installed: Installed) -> None:
    page = installed.get("/")
    assert page.status_code == 200
    assert "No cluster has joined yet" in page.text
    assert page.headers["Strict-Transport-Security"]
    assert installed.took < INSTALL_SECONDS * 1.2


def test_nobody_gets_in_without_signing_in(installed: Installed) -> None:
    stranger = requests.get(
        f"{installed.url}/api/v1/clusters", verify=installed.browser.verify, timeout=30
    )
    assert stranger.status_code == 401


def test_helm_test_passes(installed: Installed) -> None:
    said = installed.cluster.run("helm", "test", "neurox", "-n", NAMESPACE, "--logs")
    assert "ready: portal, api, auth, relay-server" in said


def test_a_second_cluster_joins_by_the_command_word_for_word(
    installed: Installed, east: Cluster
) -> None:
    made = installed.send("POST", "/clusters", {"name": "east"})
    began = time.monotonic()
    east.run("bash", "-c", made["command"], stdin=made["secret"])

    def state() -> str:
        return str(installed.get("/api/v1/clusters/east").json()["state"])

    eventually("east is connected", lambda: state() == "connected", JOIN_SECONDS * 1.2)
    print(f"from the command to connected: {time.monotonic() - began:.1f} s (limit {JOIN_SECONDS})")
    assert time.monotonic() - began < JOIN_SECONDS * 1.2


def test_an_upgrade_that_changes_nothing_restarts_nothing(installed: Installed) -> None:
    def uids() -> set[str]:
        return {pod["metadata"]["uid"] for pod in installed.cluster.items("pods")}

    before = uids()
    chart = str(ROOT / "charts" / "neurox")
    words = ("-n", NAMESPACE, "--reset-then-reuse-values", "--wait", "--timeout", "120s")
    installed.cluster.run("helm", "upgrade", "neurox", chart, *words)
    assert uids() == before


def test_uninstalling_leaves_nothing_but_the_volumes(installed: Installed, east: Cluster) -> None:
    east.run("helm", "uninstall", "neurox-workload", "-n", NAMESPACE, "--wait")
    installed.cluster.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    for cluster, kept in ((installed.cluster, 2), (east, 0)):
        assert len(cluster.items("pvc")) == kept
        expected = ["Secret/neurox-join"] if cluster is east else []
        gone = partial(all_but, cluster, expected)
        eventually(f"nothing but {expected} is left of {cluster.node.name}", gone, STOP_SECONDS)


def all_but(cluster: Cluster, expected: list[str]) -> bool:
    """Helm waits for what it made itself, and not for the pods of that."""
    return left(cluster) == expected


def left(cluster: Cluster) -> list[str]:
    """Objects of ours that are still there; volumes are told apart."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    skipped = {"events", "events.events.k8s.io", "persistentvolumeclaims", "persistentvolumes"}
    asked = ",".join(kind for kind in kinds if kind not in skipped)
    rows = yaml.safe_load(cluster.kubectl("get", asked, "-A", "-o", "json"))["items"]
    return sorted(
        f"{row['kind']}/{row['metadata']['name']}"
        for row in rows
        if "neurox" in row["metadata"]["name"] and row["metadata"]["name"] != NAMESPACE
    )
