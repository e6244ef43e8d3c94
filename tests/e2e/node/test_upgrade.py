"""From the release before this one to this one, under the eyes of people who go on working."""

import html
import itertools
import json
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import earlier
import pytest
from installation import (
    NAMESPACE,
    ROOT,
    Cluster,
    Installed,
    eventually,
    install,
    signed_in,
    started,
)
from interrupted import documented_step, finished, killed, pending, secrets
from traffic import Traffic, visitors
from upgrading import KEPT, component, of_version, pods, samples

from infra.images import upstream
from infra.images.archive import write
from infra.images.order import version
from infra.local.node import Network
from infra.tools.toolbox import Toolbox

pytestmark = pytest.mark.node

CHART = str(ROOT / "charts" / "neurox")
WORK = "neurox-work"
SCRAPE_SECONDS = 15
CONNECTED_SECONDS = 90
DRAIN_SECONDS = 20
"""Shorter than usual, so that streams that nobody ends are cut while somebody looks."""
SEED = 4
MOMENTS = (0.5, 8.0)
"""When Helm is killed, in seconds after its start."""
KILLED_UPGRADES, KILLED_INSTALLS = 6, 4
UPGRADE = (
    *("helm", "upgrade", "--install", "neurox", CHART, "-n", NAMESPACE),
    *("--reset-then-reuse-values", "--wait", "--timeout", "180s"),
)


@pytest.fixture(scope="module")
def old(own_nodes: None) -> earlier.Release:
    try:
        return earlier.release(ROOT)
    except earlier.Unknown as reason:
        print(f"NOT RUN: {reason}")
        pytest.skip(f"NOT RUN: {reason}")


def archives(images: list[Path], old: earlier.Release, *names: str) -> list[Path]:
    return [path for path in (*images, *old.images) if path.stem in names]


@pytest.fixture(scope="module")
def plain_caddy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The edge of 0.1.0 ran only from an image whose program has no file capability."""
    to = tmp_path_factory.mktemp("plain") / "caddy.tar"
    like = upstream.image("caddy", Toolbox.from_env().path("caddy"))
    write(replace(like, binds_low_ports=False), to)
    return to


@pytest.fixture(scope="module")
def hub(
    network: Network, images: list[Path], plain_caddy: Path, old: earlier.Release, tools: str
) -> Iterator[Cluster]:
    mine = [*archives(images, old, "control", "valkey-server", "thanos"), plain_caddy]
    yield from started("hub", network, mine, tools)


@pytest.fixture(scope="module")
def east(
    network: Network, images: list[Path], old: earlier.Release, tools: str
) -> Iterator[Cluster]:
    mine = archives(images, old, "workload", "relay", "agent-simulated", "prometheus")
    yield from started("east", network, mine, tools)


@pytest.fixture(scope="module")
def installed(
    hub: Cluster, east: Cluster, old: earlier.Release, tmp_path_factory: pytest.TempPathFactory
) -> Installed:
    """The earlier release, with a cluster that has joined, shows GPUs and may run workloads."""
    drain = f"relayServer.drainSeconds={DRAIN_SECONDS}"
    found = install(hub, tmp_path_factory.mktemp("ca"), drain, charts=old.charts)
    made = found.send("POST", "/clusters", {"name": "east"})
    east.run("bash", "-c", made["command"], stdin=made["secret"])
    (chart,) = re.findall(r"https://\S+\.tgz", made["command"])
    upgrade_east(found, east, chart, "--set", "agent.simulated=true")
    east.kubectl("label", "node", "east", "neurox.io/simulated=true")
    east.kubectl("label", "node", "east", "nvidia.com/gpu.product=NVIDIA-H200")
    east.kubectl("create", "namespace", WORK)
    east.kubectl("label", "namespace", WORK, "neurox.io/managed=true")
    found.send("PUT", "/pools/h200", {"selector": {"nvidia.com/gpu.product": "NVIDIA-H200"}})
    found.send("PUT", "/groups/robots", {})
    arms = {"groups": ["robots"], "pools": ["h200"], "namespace": WORK}
    found.send("PUT", "/projects/arms", arms)
    eventually("metrics come", lambda: samples(found, "up"), 90)
    return found


def upgrade_east(installed: Installed, east: Cluster, chart: str, *more: str) -> None:
    """To another chart or other values, by the chart that the control plane serves."""
    ca = str(installed.browser.verify)
    words = ("--reset-then-reuse-values", "--ca-file", ca, "-n", NAMESPACE, "--wait", *more)
    east.run("helm", "upgrade", "neurox-workload", chart, *words)


def cluster(installed: Installed) -> dict[str, Any]:
    found: dict[str, Any] = installed.send("GET", "/clusters/east")
    return found


@dataclass(frozen=True)
class Upgraded:
    """What was seen while the control plane was upgraded, and where it then stood."""

    installed: Installed
    traffic: Traffic
    submitted: list[str]
    before: dict[str, str]

    @property
    def hub(self) -> Cluster:
        return self.installed.cluster


@contextmanager
def watched(installed: Installed, back: bool = False) -> Iterator[None]:
    """Nobody who works meanwhile meets a failure, nor a connection that ends without a word."""
    with visitors(installed, [], back) as traffic:
        yield
    print(traffic.report())
    assert traffic.failures == []
    assert traffic.again == 0
    assert traffic.sent > 50, "somebody was there"


@pytest.fixture(scope="module")
def upgraded(installed: Installed) -> Upgraded:
    """The control plane in this version; visited until the last old pod has ended."""
    hub, submitted, before = installed.cluster, list[str](), pods(installed.cluster)
    began = time.monotonic()
    with visitors(installed, submitted) as traffic:
        hub.run(*UPGRADE)
        print(f"helm upgrade took {time.monotonic() - began:.1f} s")
        eventually("the old pods have ended", lambda: not of_version(hub, earlier.VERSION), 180)
        print(f"the last old pod ended after {time.monotonic() - began:.1f} s")
    print(traffic.report())
    return Upgraded(installed, traffic, submitted, before)


def test_the_control_plane_is_upgraded_without_a_failed_request(upgraded: Upgraded) -> None:
    assert upgraded.traffic.failures == []
    assert upgraded.traffic.sent > 500


def test_what_holds_data_is_not_restarted_by_new_images_of_ours(upgraded: Upgraded) -> None:
    now = pods(upgraded.hub)
    assert [now[name] for name in KEPT] == [upgraded.before[name] for name in KEPT]


def test_metrics_of_a_joined_cluster_have_no_gap(upgraded: Upgraded) -> None:
    times = samples(upgraded.installed, "up")
    assert times
    for each in times:
        gaps = [later - former for former, later in itertools.pairwise(each)]
        assert max(gaps) < 1.5 * SCRAPE_SECONDS


def test_no_write_of_metrics_was_refused(upgraded: Upgraded, east: Cluster) -> None:
    service = f"/api/v1/namespaces/{NAMESPACE}/services/neurox-relay-client:http/proxy/metrics"
    text = east.kubectl("get", "--raw", service)
    writes = dict(re.findall(r'neurox_relay_client_writes_total{status="(\d+)"} (\S+)', text))
    print(f"writes of metrics by status: {writes}")
    assert writes
    assert all(status.startswith("2") for status in writes), writes


def test_what_was_submitted_meanwhile_reaches_the_cluster(upgraded: Upgraded) -> None:
    assert upgraded.submitted

    def taken() -> bool:
        found = upgraded.installed.send("GET", "/workloads?limit=500")["items"]
        cluster = {one["id"]: one["cluster"] for one in found}
        return all(cluster.get(one) == "east" for one in upgraded.submitted)

    eventually("all are there", taken, 60)


def test_a_changed_value_restarts_nothing_but_its_component(upgraded: Upgraded) -> None:
    before = pods(upgraded.hub)
    upgraded.hub.run(*UPGRADE, "--set", "portal.resources.limits.memory=400Mi")
    now = pods(upgraded.hub)
    fresh = {component(name) for name, uid in now.items() if uid not in before.values()}
    assert fresh == {"portal"}
    others = {name: uid for name, uid in before.items() if component(name) != "portal"}
    assert others.items() <= now.items()


def test_a_joined_cluster_is_upgraded_by_the_command_that_its_page_shows(
    upgraded: Upgraded, east: Cluster
) -> None:
    installed = upgraded.installed
    assert cluster(installed)["manager_version"] == earlier.VERSION
    page = installed.get("/clusters/east").text
    (shown,) = re.findall(r'<pre id="upgrade-command"[^>]*>(.*?)</pre>', page, re.DOTALL)

    def there() -> bool:
        found = cluster(installed)
        return found["manager_version"] == version() and found["state"] == "connected"

    began = time.monotonic()
    with watched(installed):
        east.run("bash", "-c", html.unescape(shown))
        eventually("east is connected in our version", there, CONNECTED_SECONDS)
    print(f"upgrade of the joined cluster took {time.monotonic() - began:.1f} s")
    assert "upgrade-command" not in installed.get("/clusters/east").text
    values = json.loads(
        east.run("helm", "get", "values", "neurox-workload", "-n", NAMESPACE, "-o", "json")
    )
    assert values == {"agent": {"simulated": True}}


def test_the_control_plane_and_then_the_cluster_go_back_to_the_earlier_release(
    upgraded: Upgraded, east: Cluster
) -> None:
    hub, installed = upgraded.hub, upgraded.installed
    began = time.monotonic()
    with watched(installed, back=True):
        hub.run("helm", "rollback", "neurox", "1", "-n", NAMESPACE, "--wait", "--timeout", "180s")
        eventually("our pods have ended", lambda: not of_version(hub, version()), 180)
    print(f"rollback took {time.monotonic() - began:.1f} s, to the end of the last pod")
    # What 0.1.0 asks is signed by nobody: the cluster's manager answers once it is of 0.1.0, too.
    east.run("helm", "rollback", "neurox-workload", "2", "-n", NAMESPACE, "--wait")
    reported = cluster(installed)["reported_at"]
    eventually("east reports", lambda: cluster(installed)["reported_at"] != reported, 60)


def test_an_upgrade_that_is_killed_again_and_again_converges(upgraded: Upgraded) -> None:
    hub, installed, moments = upgraded.hub, upgraded.installed, random.Random(SEED)
    before, stuck = secrets(hub), 0
    for _ in range(KILLED_UPGRADES):
        killed(hub, moments.uniform(*MOMENTS), *UPGRADE)
        if pending(hub):
            stuck += 1
            with pytest.raises(AssertionError, match=r"another operation .* is in progress"):
                hub.run(*UPGRADE)
        documented_step(hub)
    hub.run(*UPGRADE)
    assert stuck, "no kill hit Helm at work"
    eventually("only our version", lambda: not of_version(hub, earlier.VERSION), 180)
    assert secrets(hub) == before
    assert installed.get("/api/v1/me").json()["name"] == "admin"
    eventually("east is connected", lambda: cluster(installed)["state"] == "connected", 60)


def test_an_install_that_is_killed_again_and_again_converges(
    upgraded: Upgraded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub, moments, made = upgraded.hub, random.Random(SEED), dict[str, Any]()
    hub.run("helm", "uninstall", "neurox", "-n", NAMESPACE, "--wait")
    hub.kubectl("-n", NAMESPACE, "delete", "secret,pvc", "-l", "app.kubernetes.io/instance=neurox")
    words = (*UPGRADE, "--set", f"expose.host={hub.node.address}")
    for _ in range(KILLED_INSTALLS):
        killed(hub, moments.uniform(*MOMENTS), *words)
        made |= secrets(hub)
        documented_step(hub)
    finished(hub, *words)
    assert made.items() <= secrets(hub).items()
    found = signed_in(hub, tmp_path_factory.mktemp("ca"))
    assert found.get("/").status_code == 200
