"""What a new user does: install by Helm, sign in, let a second cluster join, upgrade, uninstall."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from installation import (
    NAMESPACE,
    ROOT,
    Cluster,
    Installed,
    eventually,
    install,
    started,
)
from objects import KEPT, Object, held, is_left

from infra.local.node import Network

pytestmark = pytest.mark.node

INSTALL_SECONDS = 90
JOIN_SECONDS = 60


@pytest.fixture(scope="module")
def hub(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("hub", network, images, tools)


@pytest.fixture(scope="module")
def east(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("east", network, images, tools)


@pytest.fixture(scope="module")
def before() -> dict[str, set[Object]]:
    """What each cluster held before it was given anything."""
    return {}


@pytest.fixture(scope="module")
def installed(
    hub: Cluster, before: dict[str, set[Object]], tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    before["hub"] = held(hub)
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
    assert "ready: portal, api, auth, sign-in page, relay-server, metrics" in said


def test_a_second_cluster_joins_by_the_command_word_for_word(
    installed: Installed, east: Cluster, before: dict[str, set[Object]]
) -> None:
    before["east"] = held(east)
    made = installed.send("POST", "/clusters", {"name": "east"})
    began = time.monotonic()
    east.run("bash", "-c", made["command"], stdin=made["secret"])

    eventually("east is connected", lambda: state(installed) == "connected", JOIN_SECONDS * 1.2)
    print(f"from the command to connected: {time.monotonic() - began:.1f} s (limit {JOIN_SECONDS})")
    assert time.monotonic() - began < JOIN_SECONDS * 1.2


def test_helm_test_passes_in_the_cluster_that_joined(east: Cluster) -> None:
    said = east.run("helm", "test", "neurox-workload", "-n", NAMESPACE, "--logs")
    assert "ready: tunnel" in said


def test_an_upgrade_that_changes_nothing_restarts_nothing(installed: Installed) -> None:
    def uids() -> set[str]:
        return {pod["metadata"]["uid"] for pod in installed.cluster.items("pods")}

    before = uids()
    chart = str(ROOT / "charts" / "neurox")
    words = ("-n", NAMESPACE, "--reset-then-reuse-values", "--wait", "--timeout", "120s")
    installed.cluster.run("helm", "upgrade", "neurox", chart, *words)
    assert uids() == before


def test_uninstalled_and_installed_again_it_goes_on_with_what_it_kept(
    installed: Installed, east: Cluster, before: dict[str, set[Object]]
) -> None:
    assert state(installed) == "connected", f"{east.node.name} has joined"
    hub, password = installed.cluster, installed.cluster.secret("neurox-admin", "password")
    hub.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    is_left(hub, before["hub"], *KEPT)

    began = time.monotonic()
    chart = str(ROOT / "charts" / "neurox")
    words = ("--set", f"expose.host={hub.node.address}", "--wait", "--timeout", "180s")
    hub.run("helm", "install", "neurox", chart, "-n", NAMESPACE, *words)
    assert hub.secret("neurox-admin", "password") == password
    assert installed.get("/api/v1/me").json()["name"] == "admin", "the session is kept as well"
    installed.await_news_of("east", JOIN_SECONDS)
    print(f"from helm install until east was back: {time.monotonic() - began:.1f} s")


def test_uninstalling_leaves_nothing(
    installed: Installed, east: Cluster, before: dict[str, set[Object]]
) -> None:
    east.run("helm", "uninstall", "neurox-workload", "-n", NAMESPACE, "--wait")
    is_left(east, before["east"], "Secret/neurox-join")
    hub, chart = installed.cluster, str(ROOT / "charts" / "neurox")
    words = ("--reset-then-reuse-values", "--set", "keepData=false", "--wait", "--timeout", "120s")
    hub.run("helm", "upgrade", "neurox", chart, "-n", NAMESPACE, *words)
    hub.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    is_left(hub, before["hub"])


def state(installed: Installed) -> str:
    """Of the cluster that joined."""
    return str(installed.get("/api/v1/clusters/east").json()["state"])
