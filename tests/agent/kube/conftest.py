"""A real API server on a real etcd, and nothing else."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.apiserver import ApiServer
from infra.local.ports import Ports
from infra.local.process import Process
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.processes import SandboxCluster
from infra.tools.toolbox import Toolbox

SERVERS = ("etcd", "kube-apiserver")
NAMESPACE = "vision"
READER = "system:serviceaccount:vision:reader"


def eventually(what: str, condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        threading.Event().wait(0.05)


class Cluster:
    """Started with the fixture; the API server can be ended and started again."""

    def __init__(self, folder: Path) -> None:
        tools = Toolbox.from_env()
        if missing := tools.missing(SERVERS):
            pytest.fail(f"`neurox tools` must make {', '.join(missing)} first")
        self.folder = folder
        self._sandbox = SandboxCluster("sandbox-1", folder, tools, Ports({}).get, 0, 0)
        self._sandbox.prepare()
        by_name = {one.name.rpartition("/")[2]: one for one in self._sandbox.processes()}
        self._processes = {name: by_name[name] for name in SERVERS}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.ca = self._sandbox.layout.certificate("ca")
        self.url = self._sandbox.server

    def start(self, name: str) -> None:
        process = self._processes[name]
        env = {**os.environ, **process.env}
        with (self.folder / f"{name}.log").open("ab") as out:
            self._running[name] = subprocess.Popen(process.argv, env=env, stdout=out, stderr=out)
        eventually(f"{name} is ready", lambda: _ready(process))

    def stop(self, name: str) -> None:
        if running := self._running.pop(name, None):
            running.kill()
            running.wait(timeout=20)

    def admin(self) -> Kube:
        at = self._sandbox.layout
        return Kube(self.url, self.ca, (at.certificate("admin"), at.key("admin")))

    def objects(self) -> Objects:
        """What is to stand in the cluster."""
        return self._sandbox.objects()

    def reader(self) -> ApiServer:
        """What the agent gets: a token of a ServiceAccount, in a file."""
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/reader/token"
        token = self.folder / "token"
        token.write_text(self.admin().post(path, request)["status"]["token"] + "\n")
        return ApiServer(self.url, token, self.ca)

    def apply(self, *manifests: dict[str, Any]) -> None:
        kube = self.admin()
        for manifest in manifests:
            kube.apply(manifest)
        kube.close()

    def let_read(self) -> None:
        rules = [
            {"apiGroups": [group], "resources": [resource], "verbs": ["list", "watch"]}
            for group, resource in (("", "pods"), ("resource.k8s.io", "resourceslices"))
        ]
        api = "rbac.authorization.k8s.io"
        role = {"apiGroup": api, "kind": "ClusterRole", "name": "reader"}
        subject = {"apiGroup": api, "kind": "User", "name": READER}
        about = {"apiVersion": f"{api}/v1", "metadata": {"name": "reader"}}
        self.apply({**about, "kind": "ClusterRole", "rules": rules})
        self.apply({**about, "kind": "ClusterRoleBinding", "roleRef": role, "subjects": [subject]})

    def refuse(self) -> None:
        self.admin().delete("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/reader")


def _ready(process: Process) -> bool:
    assert process.ready is not None
    try:
        return process.ready()
    except OSError:
        return False


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        for name in SERVERS:
            found.start(name)
        found.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        for name in ("default", "reader"):
            about = {"name": name, "namespace": NAMESPACE}
            found.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about})
        found.let_read()
        yield found
    finally:
        for name in reversed(SERVERS):
            found.stop(name)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., None]:
    return eventually
