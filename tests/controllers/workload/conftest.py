"""A real API server with simulated nodes, and the manager as the process that it is."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from controllers.control.signer import Signer
from controllers.relay.identity import PrivateKey
from controllers.relay.seal import LIFE
from controllers.workload.kube import MERGE_PATCH, KubeApi, KubeError
from infra.local.keeper import Keeper
from infra.local.ports import Ports
from infra.local.sandbox.processes import SERVERS, SandboxCluster
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

START_SECONDS = 60.0
CLUSTER_ID, HUB_KEY = "the-cluster", PrivateKey.generate()
HUB = Signer(lambda: (HUB_KEY,), CLUSTER_ID, {})
HUB_KEYS = "/api/v1/namespaces/neurox-system/secrets/neurox-hub-keys"
NAMESPACE = "neurox-system"
RIGHTS = Path(__file__).parents[3] / "charts" / "neurox-workload" / "files"
POLICY: dict[str, Any] = {
    "revision": "r1",
    "pools": [{"name": "h200"}],
    "projects": [
        {"name": "vision", "groups": ["vision"], "pools": ["h200"], "namespace": "vision"}
    ],
    "quotas": [{"pool": "h200", "group": "vision", "gpus": 16}],
}


def eventually(what: str, condition: Callable[[], object], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[..., None]:
    return eventually


@dataclass
class Servers:
    """The sandbox's servers while a thread keeps them alive."""

    ready: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)
    keepers: dict[str, Keeper] = field(default_factory=dict)

    def signal(self, name: str, number: signal.Signals) -> None:
        pid = self.keepers[f"sandbox-1/{name}"].pid
        assert pid is not None
        os.kill(pid, number)


@pytest.fixture(scope="session")
def servers() -> Servers:
    """What the sandbox runs on, to be killed; it is started again at once."""
    return Servers()


def _supervise(cluster: SandboxCluster, state: Path, servers: Servers) -> None:
    async def run() -> None:
        supervisor = Supervisor(cluster.processes(), state, lambda _: None, asyncio.Event())
        servers.keepers = supervisor.keepers
        supervisor.start()
        try:
            await supervisor.ready(list(supervisor.keepers), START_SECONDS)
            servers.ready.set()
            await asyncio.to_thread(servers.stop.wait)
        finally:
            await supervisor.stop()

    asyncio.run(run())


def _guarded(api: KubeApi) -> bool:
    """Whether both policies act: an API server takes a moment to heed a new one."""
    return _taken(api, {}) and not _taken(api, {"neurox.io/intent": "forged"})


def _taken(api: KubeApi, labels: dict[str, str]) -> bool:
    """Whether a Job with GPUs would be taken and held; the guard alone refuses it."""
    limits = {"limits": {"nvidia.com/gpu": "1"}}
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "a", "image": "x", "resources": limits}],
    }
    job = {"apiVersion": "batch/v1", "kind": "Job", "spec": {"template": {"spec": pod}}}
    job["metadata"] = {"name": "probe", "labels": labels}
    try:
        made = api.send("POST", "/apis/batch/v1/namespaces/vision/jobs?dryRun=All", job)
    except KubeError:
        return False
    return bool(json.loads(made)["spec"]["suspend"])


def trust(api: KubeApi, cluster_id: str, keys: list[dict[str, Any]]) -> None:
    """What the relay-client does when it has joined."""
    data = {"cluster-id": cluster_id, "keys": json.dumps(keys)}
    api.send("PATCH", HUB_KEYS, {"stringData": data}, MERGE_PATCH)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, servers: Servers) -> Iterator[SandboxCluster]:
    """Two nodes of eight GPUs, the namespaces, and the chart's rights."""
    state, tools = tmp_path_factory.mktemp("state"), Toolbox.from_env()
    if missing := tools.missing(SERVERS):
        pytest.fail(f"`neurox tools` must make {', '.join(missing)} first")
    folder = state / "clusters" / "sandbox-1"
    sandbox = SandboxCluster("sandbox-1", folder, tools, Ports({}).get, 2, 8)
    sandbox.prepare()
    thread = threading.Thread(target=_supervise, args=(sandbox, state, servers))
    thread.start()
    try:
        assert servers.ready.wait(START_SECONDS), "the sandbox did not start"
        objects = sandbox.objects()
        objects.apply_namespaces()
        objects.apply_nodes()
        objects.apply_folder(RIGHTS)
        eventually("nodes ready", objects.nodes_ready)
        objects.close()
        api = KubeApi.connect(sandbox.admin_kubeconfig)
        eventually("admission policies in force", lambda: _guarded(api))
        trust(api, CLUSTER_ID, [{"public": HUB_KEY.public}])
        yield sandbox
    finally:
        servers.stop.set()
        thread.join(START_SECONDS)


@pytest.fixture(scope="session")
def admin(cluster: SandboxCluster) -> KubeApi:
    """The API server, as a member of system:masters."""
    return KubeApi.connect(cluster.admin_kubeconfig)


@pytest.fixture(scope="session")
def manager_kubeconfig(cluster: SandboxCluster) -> Path:
    """A kubeconfig of the manager's own ServiceAccount."""
    objects = cluster.objects()
    try:
        return objects.token_kubeconfig("neurox-workload-manager", NAMESPACE)
    finally:
        objects.close()


class Manager:
    """The manager's process, and what its HTTP server says."""

    def __init__(self, kubeconfig: Path, port: int, *flags: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        env = {
            **os.environ,
            "NEUROX_MANAGER_KUBECONFIG": str(kubeconfig),
            "NEUROX_MANAGER_LISTEN": f"127.0.0.1:{port}",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "controllers.workload", *flags], env=env
        )

    @property
    def life(self) -> str:
        """What it tells whom it refuses."""
        return requests.get(self.url + "/v1/state", timeout=10).headers[LIFE]

    def is_ready(self) -> bool:
        return self.readiness() == (200, "ok")

    def readiness(self) -> tuple[int, str]:
        try:
            answer = requests.get(f"{self.url}/readyz", timeout=2)
        except requests.RequestException:
            return 0, ""
        return answer.status_code, answer.text

    def metric(self, name: str) -> float:
        rows = self.call("GET", "/metrics").text.splitlines()
        return float(next(row.split()[1] for row in rows if row.startswith(f"{name} ")))

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        return requests.request(method, self.url + path, data=data, timeout=70, auth=HUB)

    def state(self, query: str = "") -> dict[str, Any]:
        answer: dict[str, Any] = self.call("GET", f"/v1/state?{query}").json()
        return answer

    def workload(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.state()["workloads"].get(name, {})
        return found

    def submit(self, intent: str, pods: int = 1, gpus: int = 1, **spec: Any) -> requests.Response:
        body = {"name": "train", "project": "vision", "group": "vision", "pool": "h200"}
        shape = {"pods": pods, "gpus_per_pod": gpus}
        head = {"id": intent, "user": "ada@example.org", "submitted_at": 1.5}
        return self.call("POST", "/v1/workloads", {**head, "spec": body | shape | spec})

    @staticmethod
    def policy() -> dict[str, Any]:
        return POLICY

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait(10)


@pytest.fixture
def launch(manager_kubeconfig: Path) -> Iterator[Callable[..., Manager]]:
    """Launch managers that are stopped after the test at the latest."""
    started: list[Manager] = []
    ports = Ports({})

    def one(*flags: str) -> Manager:
        started.append(Manager(manager_kubeconfig, ports.get(f"manager-{len(started)}"), *flags))
        return started[-1]

    yield one
    for manager in started:
        manager.stop()


@pytest.fixture
def start(launch: Callable[..., Manager]) -> Callable[..., Manager]:
    """Launch a manager and wait until it leads."""

    def one(*flags: str) -> Manager:
        manager = launch(*flags)
        eventually("the manager is ready", manager.is_ready)
        return manager

    return one


@pytest.fixture
def clean(admin: KubeApi, eventually: Callable[..., None]) -> Iterator[None]:
    """No Jobs are left for the next test, nor pods without one."""
    yield
    path = "/apis/batch/v1/namespaces/vision/jobs"
    admin.send("DELETE", path, {"propagationPolicy": "Foreground"})
    admin.send("DELETE", "/api/v1/namespaces/vision/pods", {"gracePeriodSeconds": 0})

    def gone() -> bool:
        return not json.loads(admin.get(path))["items"]

    eventually("all jobs are gone", gone)


@pytest.fixture
def manager(start: Callable[..., Manager], clean: None) -> Manager:
    """A running manager with a policy: 16 GPUs of pool h200 for group vision."""
    running = start()
    assert running.call("PUT", "/v1/policy", POLICY).status_code == 200
    return running


@pytest.fixture(scope="module")
def shared(manager_kubeconfig: Path) -> Iterator[Manager]:
    """One manager for all tests of a file that leave nothing behind."""
    running = Manager(manager_kubeconfig, Ports({}).get("manager"))
    try:
        eventually("the manager is ready", running.is_ready)
        assert running.call("PUT", "/v1/policy", POLICY).status_code == 200
        yield running
    finally:
        running.stop()
