"""What the tests of this folder share: a cluster by helm and kubectl, and Neurox in it."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from existing import NAMESPACE, ExistingCluster

from infra.local.node import Network, RealNode

ROOT = Path(__file__).parents[3]
PORT = 30443
STOP_SECONDS = 180
"""Far more than a pod of ours may take to stop: 85 s, and the time in which the rest notices."""
ROUTED_SECONDS = 15


@dataclass(frozen=True)
class Cluster:
    """A cluster as somebody with helm and kubectl sees it."""

    node: RealNode | ExistingCluster
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
        folder = self.node.kubeconfig.parent / "helm"
        return {
            "PATH": f"{self.tools}:{os.environ['PATH']}",
            "KUBECONFIG": str(self.node.kubeconfig),
            **{f"HELM_{what}_HOME": str(folder) for what in ("CACHE", "CONFIG", "DATA")},
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


@dataclass(frozen=True)
class Installed:
    """The control plane, signed in as its admin."""

    cluster: Cluster
    url: str
    browser: requests.Session
    took: float
    notes: str

    def get(self, path: str) -> requests.Response:
        """A page or an answer of the API."""
        return self.browser.get(self.url + path, timeout=30)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request to the API as the portal makes it; what it answers."""
        answer = self.browser.request(
            method,
            f"{self.url}/api/v1{path}",
            json=body,
            headers={"Origin": self.url},
            timeout=30,
        )
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def await_news_of(self, cluster: str, seconds: float) -> None:
        """Until it reports once more: for a while, one that is gone still counts as connected."""

        def reported() -> Any:
            return self.send("GET", f"/clusters/{cluster}")["reported_at"]

        last = reported()
        eventually(f"{cluster} reports", lambda: reported() != last, seconds)


def install(hub: Cluster, folder: Path, *values: str, charts: Path = ROOT / "charts") -> Installed:
    """`helm install --wait`, into a namespace that enforces restricted pods; signed in."""
    began = time.monotonic()
    hub.kubectl("create", "namespace", NAMESPACE)
    enforced = "pod-security.kubernetes.io/enforce=restricted"
    hub.kubectl("label", "namespace", NAMESPACE, enforced)
    chart = str(charts / "neurox")
    given = [
        word for value in (f"expose.host={hub.node.address}", *values) for word in ("--set", value)
    ]
    words = ("-n", NAMESPACE, *given, "--wait", "--timeout", "180s")
    notes = hub.run("helm", "install", "neurox", chart, *words)
    return signed_in(hub, folder, time.monotonic() - began, notes)


def signed_in(hub: Cluster, folder: Path, took: float = 0, notes: str = "") -> Installed:
    """The control plane that is there, by its own CA, which is written into ``folder``."""
    edge = ("-n", NAMESPACE, "get", "service", "neurox-edge")
    port = hub.kubectl(*edge, "-o", "jsonpath={.spec.ports[0].nodePort}")
    url = f"https://{hub.node.address}:{port}"
    browser = requests.Session()
    browser.trust_env = False
    ca = folder / "ca.crt"
    ca.write_text(hub.secret("neurox-edge", "ca.crt"))
    browser.verify = str(ca)
    form = {"name": "admin", "password": hub.secret("neurox-admin", "password"), "next": "/"}

    def answered() -> bool:
        """Whether it works; a node may lead nowhere for a moment after its pods are ready."""
        headers = {"Origin": url}
        answer = browser.post(f"{url}/auth/sign-in", data=form, headers=headers, timeout=30)
        assert answer.status_code in (200, 503), f"{answer.status_code} {answer.text}"
        return answer.ok

    eventually("the first page is there", answered, ROUTED_SECONDS)
    return Installed(hub, url, browser, took, notes)


def started(
    name: str, network: Network | ExistingCluster, images: list[Path], tools: str
) -> Iterator[Cluster]:
    """A new node, or the cluster that --context names."""
    with network if isinstance(network, ExistingCluster) else RealNode(name, network) as node:
        node.import_images(images)
        yield Cluster(node, tools)


def own_node(cluster: Cluster) -> RealNode:
    """For a test that looks behind the API server; skips where we did not start the node."""
    if isinstance(cluster.node, ExistingCluster):
        pytest.skip("needs the node's files and processes, which --context does not give")
    return cluster.node


def eventually(what: str, condition: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)
