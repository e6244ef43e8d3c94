"""What a new user does: install by Helm, sign in, let a second cluster join, upgrade, uninstall."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import yaml

from infra.images import upstream
from infra.images.catalogue import own_platform
from infra.local.node import Network, RealNode
from infra.tools.toolbox import Toolbox

pytestmark = pytest.mark.node

ROOT = Path(__file__).parents[3]
NAMESPACE = "neurox-system"
PORT = 30443
OURS = ("control", "workload", "relay", "agent-simulated")
INSTALL_SECONDS = 90
JOIN_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    """A real node as somebody with helm and kubectl sees it."""

    node: RealNode
    tools: str

    def run(self, *words: str, stdin: str | None = None, seconds: float = 240) -> str:
        """Run a program against it; what it prints."""
        done = subprocess.run(
            words,
            input=stdin,
            env={**os.environ, **self.environment()},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}{done.stderr}{self.pods()}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """A shell in which kubectl is pointed at the cluster."""
        return {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.node.kubeconfig),
            "HELM_CACHE_HOME": str(self.node.layout.folder / "helm"),
            "HELM_CONFIG_HOME": str(self.node.layout.folder / "helm"),
            "HELM_DATA_HOME": str(self.node.layout.folder / "helm"),
            "NO_PROXY": "*",
            "no_proxy": "*",
        }

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl prints."""
        return self.run("kubectl", "--request-timeout=30s", *words, stdin=stdin)

    def items(self, kind: str, *words: str) -> list[dict]:
        """All objects of a kind in our namespaces."""
        found: list[dict] = json.loads(self.kubectl("get", kind, "-A", "-o", "json", *words))[
            "items"
        ]
        return found

    def secret(self, name: str, key: str) -> str:
        """A key of one of our Secrets."""
        found = json.loads(self.kubectl("-n", NAMESPACE, "get", "secret", name, "-o", "json"))
        return base64.b64decode(found["data"][key]).decode()

    def pods(self) -> str:
        """For a failure: what runs and what is said of it."""
        words = ["kubectl", "get", "pods,events", "-A", "-o", "wide"]
        env = {**os.environ, **self.environment()}
        return subprocess.run(
            words, env=env, capture_output=True, text=True, timeout=60, check=False
        ).stdout[-6000:]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with helm and kubectl, as a user has them on PATH."""
    folder, box = tmp_path_factory.mktemp("bin"), Toolbox.from_env()
    box.ensure(["helm", "kubectl"])
    for name in ("helm", "kubectl"):
        (folder / name).symlink_to(box.path(name))
    return str(folder)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Ours, as `make images` packs them, and those of others."""
    folder = ROOT / "build" / "images" / own_platform().architecture
    ours = [folder / f"{name}.tar" for name in OURS]
    missing = [str(path) for path in ours if not path.exists()]
    assert not missing, f"`make images BASE=debian` makes {', '.join(missing)}"
    folder = tmp_path_factory.mktemp("archives")
    return [*ours, *upstream.save(Toolbox.from_env(), upstream.CHART, folder)]


def started(name: str, network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    with RealNode(name, network) as node:
        node.import_images(images)
        yield Cluster(node, tools)


@pytest.fixture(scope="module")
def hub(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("hub", network, images, tools)


@pytest.fixture(scope="module")
def east(network: Network, images: list[Path], tools: str) -> Iterator[Cluster]:
    yield from started("east", network, images, tools)


@dataclass(frozen=True)
class Installed:
    """The control plane, signed in as its admin."""

    cluster: Cluster
    url: str
    browser: requests.Session
    took: float

    def get(self, path: str) -> requests.Response:
        """A page or an answer of the API."""
        return self.browser.get(self.url + path, timeout=30)


@pytest.fixture(scope="module")
def installed(hub: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """`helm install --wait`, into a namespace that enforces restricted pods."""
    began = time.monotonic()
    hub.kubectl("create", "namespace", NAMESPACE)
    enforced = "pod-security.kubernetes.io/enforce=restricted"
    hub.kubectl("label", "namespace", NAMESPACE, enforced)
    chart, host = str(ROOT / "charts" / "neurox"), f"expose.host={hub.node.address}"
    words = ("-n", NAMESPACE, "--set", host, "--wait", "--timeout", "180s")
    notes = hub.run("helm", "install", "neurox", chart, *words)
    took = time.monotonic() - began
    url = f"https://{hub.node.address}:{PORT}"
    assert f"1. Open {url}" in notes
    browser = requests.Session()
    browser.trust_env = False
    ca = tmp_path_factory.mktemp("ca") / "ca.crt"
    ca.write_text(hub.secret("neurox-edge", "ca.crt"))
    browser.verify = str(ca)
    print(f"helm install --wait took {took:.1f} s (limit {INSTALL_SECONDS})")
    form = {"name": "admin", "password": hub.secret("neurox-admin", "password"), "next": "/"}
    answer = browser.post(f"{url}/auth/sign-in", data=form, headers={"Origin": url}, timeout=30)
    assert answer.status_code == 200, answer.text
    return Installed(hub, url, browser, took)


def eventually(what: str, condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


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
    headers = {"Origin": installed.url}
    made = installed.browser.post(
        f"{installed.url}/api/v1/clusters", json={"name": "east"}, headers=headers, timeout=30
    ).json()
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
        assert left(cluster) == (["Secret/neurox-join"] if cluster is east else [])


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
