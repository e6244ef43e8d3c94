"""A Pulumi project of its own for a run, with its state in a folder, and a cluster to use it on.

NEUROX_E2E_CONTEXT names the cluster, as the kubeconfig calls it; it must run no Neurox yet.
NEUROX_E2E_JOIN_CONTEXT names another one that is to join; else the same one joins itself, in a
namespace of its own. NEUROX_E2E_HOST is where pods reach the control plane's node port; else the
address of the first node. NEUROX_E2E_VALUES and NEUROX_E2E_WORKLOAD_VALUES are files with values of
the two charts that the cluster needs, such as where the images are.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
UP_SECONDS = 1500
NAMESPACE, JOINED = "neurox-e2e", "neurox-e2e-joined"
CHANGES_BY_ITSELF = {
    *("Event", "Lease", "EndpointSlice", "Endpoints", "Node", "NodeMetrics", "PodMetrics"),
    *("CertificateSigningRequest", "ComponentStatus"),
}


@dataclass(frozen=True)
class Cluster:
    """One cluster by kubectl."""

    context: str

    def kubectl(self, *words: str) -> str:
        done = subprocess.run(
            ["kubectl", "--context", self.context, *words],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
        return done.stdout

    def get(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.kubectl("get", kind, name, "-n", namespace, "-o", "json")
        )
        return found

    def objects(self) -> set[str]:
        """Everything there is, but for what comes and goes without anybody's doing."""
        kinds = self.kubectl("api-resources", "--verbs=list,get", "-o", "name").split()
        shown = "custom-columns=K:.kind,NS:.metadata.namespace,N:.metadata.name"
        lines = self.kubectl(
            "get", ",".join(kinds), "-A", "-o", shown, "--no-headers", "--ignore-not-found"
        ).splitlines()
        rows = (line.split() for line in lines)
        return {
            "/".join(row)
            for row in rows
            if row and row[0] not in CHANGES_BY_ITSELF and row[1] != "kube-system"
        }


@dataclass
class Stack:
    """A stack of the project in ``pulumi/``."""

    folder: Path
    env: dict[str, str]
    control: Cluster
    joining: Cluster
    before: dict[str, set[str]]

    @property
    def state(self) -> str:
        """The state as it lies on disk."""
        files = (self.folder / "state").rglob("*.json")
        return "\n".join(file.read_text() for file in files)

    def run(self, *words: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", "--non-interactive", "--color=never", *words],
            cwd=self.folder / "pulumi",
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def must(self, *words: str, seconds: float = 300) -> str:
        """The output of a command that succeeds."""
        done = self.run(*words, seconds=seconds)
        assert done.returncode == 0, f"pulumi {words[0]}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self) -> str:
        return self.must("up", "--yes", "--skip-preview", seconds=UP_SECONDS)

    def configure(self, key: str, value: str) -> None:
        self.must("config", "set", key, value)


def _not_run(reason: str) -> None:
    print(f"NOT RUN: {reason}")
    pytest.skip(f"NOT RUN: {reason}")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is configured and not yet up; whatever happens, it is destroyed."""
    for program in ("pulumi", "kubectl"):
        if shutil.which(program) is None:
            _not_run(f"{program} is not on PATH")
    context = os.environ.get("NEUROX_E2E_CONTEXT")
    if not context:
        _not_run("NEUROX_E2E_CONTEXT names no cluster of the kubeconfig")
    if sys.prefix == sys.base_prefix:
        _not_run("pytest runs outside a virtual environment, which the project needs")
    folder = tmp_path_factory.mktemp("pulumi")
    _project(folder)
    control = Cluster(context or "")
    joining = Cluster(os.environ.get("NEUROX_E2E_JOIN_CONTEXT") or control.context)
    before = {each.context: each.objects() for each in (control, joining)}
    made = Stack(folder, _environment(folder), control, joining, before)
    made.must("stack", "init", "e2e")
    plugins = made.run("plugin", "install", seconds=600)
    if plugins.returncode:
        _not_run(f"the providers' plugins cannot be had: {plugins.stderr.strip()[-500:]}")
    _configure(made)
    try:
        yield made
    finally:
        made.run("destroy", "--yes", "--skip-preview", seconds=UP_SECONDS)


def _project(folder: Path) -> None:
    """The project beside what it refers to, so that its stack file is not left in the checkout."""
    (folder / "pulumi").mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / "pulumi" / name, folder / "pulumi" / name)
    (folder / "charts").symlink_to(ROOT / "charts")
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "state").mkdir()


def _environment(folder: Path) -> dict[str, str]:
    return {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": "of this run alone",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _configure(stack: Stack) -> None:
    jsonpath = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'
    address = stack.control.kubectl("get", "nodes", "-o", f"jsonpath={jsonpath}")
    stack.configure("context", stack.control.context)
    stack.configure("host", os.environ.get("NEUROX_E2E_HOST") or address)
    stack.configure("keepData", "false")
    stack.configure("namespace", NAMESPACE)
    stack.configure("workloadNamespace", JOINED)
    stack.must("config", "set", "--path", "clusters[0]", f"east={stack.joining.context}")
    write_values(stack)
    workload = os.environ.get("NEUROX_E2E_WORKLOAD_VALUES")
    if workload:
        stack.configure("workloadValuesFile", str(Path(workload).resolve()))


def write_values(stack: Stack, **more: Any) -> None:
    """The file of the control plane's values: what the cluster needs, and ``more``."""
    given = os.environ.get("NEUROX_E2E_VALUES")
    values = yaml.safe_load(Path(given).read_text()) if given else {}
    (stack.folder / "values.yaml").write_text(yaml.safe_dump({**(values or {}), **more}))
    stack.configure("valuesFile", "../values.yaml")


@pytest.fixture
def change(stack: Stack) -> Any:
    """Sets values of the control plane."""
    return lambda **more: write_values(stack, **more)


@pytest.fixture
def eventually() -> Any:
    """Waits for something to become true."""

    def wait(what: str, probe: Any, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while not probe():
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"

    return wait
