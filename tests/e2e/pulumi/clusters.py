"""The two clusters that a stack is brought up on: those of a kubeconfig, or two real nodes."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.images import upstream
from infra.images.catalogue import own_platform
from infra.local.node import Network, RealNode
from infra.tools.toolbox import Toolbox

ROOT = Path(__file__).parents[3]
OURS = ("control", "workload", "relay", "agent")
COMES_AND_GOES = {
    *("Event", "Lease", "EndpointSlice", "Endpoints", "Node", "NodeMetrics", "PodMetrics"),
    *("CertificateSigningRequest", "ComponentStatus"),
}
"""Kinds of objects that change without anybody's doing."""


@dataclass(frozen=True)
class Cluster:
    """One cluster by kubectl."""

    context: str
    env: dict[str, str] = field(repr=False, hash=False)

    def kubectl(self, *words: str) -> str:
        """What kubectl prints."""
        done = subprocess.run(
            ["kubectl", "--context", self.context, *words],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = json.loads(
            self.kubectl("get", kind, name, "-n", namespace, "-o", "json")
        )
        return found

    def address(self) -> str:
        """Of the first node."""
        jsonpath = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'
        return self.kubectl("get", "nodes", "-o", f"jsonpath={jsonpath}")

    def objects(self) -> set[str]:
        """Everything there is, but for what comes and goes by itself."""
        kinds = self.kubectl("api-resources", "--verbs=list,get", "-o", "name").split()
        shown = "custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name"
        lines = self.kubectl(
            "get", ",".join(kinds), "-A", "-o", shown, "--no-headers", "--ignore-not-found"
        ).splitlines()
        rows = (line.split() for line in lines)
        return {
            "/".join(row)
            for row in rows
            if row and row[0] not in COMES_AND_GOES and row[1] != "kube-system"
        }

    def pods(self) -> str:
        """For a failure: what runs and what is said of it."""
        return self.kubectl("get", "pods,events", "-A", "-o", "wide")[-6000:]


def lacking() -> str:
    """Why there can be no real nodes; empty when there can."""
    if os.geteuid():
        return "NEUROX_E2E_CONTEXT names no cluster, and real nodes need root"
    missing = [str(path) for path in _ours() if not path.exists()]
    return f"`make images BASE=debian` makes {', '.join(missing)}" if missing else ""


@contextmanager
def given(env: dict[str, str]) -> Iterator[tuple[Cluster, Cluster]]:
    """What NEUROX_E2E_CONTEXT and NEUROX_E2E_JOIN_CONTEXT name; one alone joins itself."""
    context = env["NEUROX_E2E_CONTEXT"]
    yield (
        Cluster(context, env),
        Cluster(env.get("NEUROX_E2E_JOIN_CONTEXT") or context, env),
    )


@contextmanager
def real(folder: Path, env: dict[str, str]) -> Iterator[tuple[Cluster, Cluster]]:
    """Two real nodes with our images, as two contexts of one kubeconfig."""
    archives = [*_ours(), *upstream.save(Toolbox.from_env(), upstream.CHART, folder)]
    with (
        Network(folder / "nodes") as network,
        RealNode("hub", network) as hub,
        RealNode("east", network) as east,
    ):
        for node in (hub, east):
            node.import_images(archives)
        file = folder / "kubeconfig"
        file.write_text(json.dumps(_kubeconfig([hub, east])))
        env |= {"KUBECONFIG": str(file), "NO_PROXY": "*", "no_proxy": "*"}
        yield Cluster("hub", env), Cluster("east", env)


def _ours() -> list[Path]:
    folder = ROOT / "build" / "images" / own_platform().architecture
    return [folder / f"{name}.tar" for name in OURS]


def _kubeconfig(nodes: list[RealNode]) -> dict[str, Any]:
    """Theirs as one; each has a single context."""
    merged: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    for node in nodes:
        own = json.loads(node.kubeconfig.read_text())
        for key in ("clusters", "users", "contexts"):
            (entry,) = own[key]
            merged.setdefault(key, []).append({**entry, "name": node.name})
        merged["contexts"][-1]["context"] |= {"cluster": node.name, "user": node.name}
    return merged
