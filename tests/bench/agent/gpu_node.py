"""A GPU node for one agent: driver, kubelet's socket, API server with the pods, process tree.

etcd, kube-apiserver and the gRPC of pod-resources are real. The driver is simulated, and spins 20
us in every call. The processes on the GPUs are real too, for our rival looks into /proc itself.
"""

import asyncio
import hashlib
import json
import os
import socket as socketlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.protobuf import field
from infra.local import child, simulated
from infra.local.ports import Ports
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.processes import SandboxCluster
from infra.local.sandbox.servers import kube_of
from infra.local.simulator.layout import NodeFolder
from infra.local.simulator.podresources import PodResources
from infra.local.supervisor import Supervisor
from infra.tools.toolbox import Toolbox

NODE, NAMESPACE = "gpu-1", "bench"
GPUS, PODS, USERS = 8, 250, 16
"""Every second of the ``USERS`` shares a GPU with the one before it."""
Say = Callable[[str], None]
LATENCY_SECONDS = 0.00002
START_SECONDS = 90.0
_ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: agent, namespace: neurox-system}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: agent}
rules:
  - {apiGroups: [""], resources: [pods], verbs: [list, watch]}
  - {apiGroups: [resource.k8s.io], resources: [resourceslices], verbs: [list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: agent}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: agent}
subjects: [{kind: ServiceAccount, name: agent, namespace: neurox-system}]
---
apiVersion: v1
kind: Namespace
metadata: {name: bench}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: bench}
"""


@dataclass(frozen=True)
class Holder:
    """A pod of the node; ``pid`` is that of its process on GPU ``gpu``, if it has one."""

    uid: str
    name: str
    gpu: int | None = None
    pid: int | None = None

    @property
    def container(self) -> str:
        """The id of its one container."""
        return hashlib.sha256(self.uid.encode()).hexdigest()

    @property
    def cgroup(self) -> str:
        """As with systemd and containerd on cgroup v2."""
        slices = "/kubepods.slice/kubepods-burstable.slice"
        pod = f"kubepods-burstable-pod{self.uid.replace('-', '_')}.slice"
        return f"0::{slices}/{pod}/cri-containerd-{self.container}.scope\n"

    def resources(self) -> bytes:
        """Its part of the kubelet's answer."""
        container = field(1, b"main")
        if self.gpu is not None:
            device = f"{gpu_uuid(self.gpu)}::{self.pid}".encode()
            container += field(2, field(1, b"nvidia.com/gpu") + field(2, device))
        pod = field(1, self.name.encode()) + field(2, NAMESPACE.encode())
        return field(1, pod + field(3, container))


def free_port() -> int:
    """A TCP port that nobody used a moment ago."""
    with socketlib.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gpu_uuid(index: int) -> str:
    """Of a GPU of the node."""
    return f"GPU-{uuid.uuid5(uuid.NAMESPACE_URL, f'bench/{index}')}"


@contextmanager
def running(folder: Path, say: Say) -> Iterator[dict[str, str]]:
    """The node with its 250 pods until the block ends: what an agent there has as environment."""
    tools = Toolbox.from_env()
    simulated.library(folder / "lib", tools.c_compiler(), folder)
    cluster = SandboxCluster("bench", folder / "cluster", tools, Ports({}).get, 1, GPUS)
    cluster.prepare()
    node = NodeFolder(folder / NODE)
    kubelet = PodResources()
    with (
        _processes() as pids,
        _served(cluster, folder, kubelet, node.socket, say),
        closing(kube_of(cluster.layout)) as kube,
    ):
        objects = Objects(kube, cluster.layout, 1, GPUS)
        objects.apply_namespaces()
        objects.apply_text(_ACCOUNT)
        objects.apply_nodes()
        pods = [_pod(kube, number, pids) for number in range(PODS)]
        kubelet.response = b"".join(pod.resources() for pod in pods)
        _write(node, pods)
        yield {
            **node.agent_env(folder / "lib"),
            "NEUROX_AGENT_NODE": NODE,
            "NEUROX_AGENT_KUBE_API": cluster.server,
            "NEUROX_AGENT_KUBE_TOKEN": str(_token(objects, folder / "token")),
            "NEUROX_AGENT_KUBE_CA": str(cluster.layout.certificate("ca")),
        }


def _token(objects: Objects, file: Path) -> Path:
    account = json.loads(objects.token_kubeconfig("agent", "neurox-system").read_text())
    file.write_text(account["users"][0]["user"]["token"])
    return file


def _pod(kube: Kube, number: int, pids: Sequence[int]) -> Holder:
    name = f"training-of-some-model-{number:03d}"
    labels = {"app": f"app-{number % 20}", "neurox.io/project": f"project-{number % 5}"}
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "nodeName": NODE,
            "containers": [{"name": "main", "image": "registry.example/team/training:1.2.3"}],
        },
    }
    uid = kube.post(f"/api/v1/namespaces/{NAMESPACE}/pods", manifest)["metadata"]["uid"]
    user = number < USERS
    pod = Holder(uid, name, number * GPUS // USERS, pids[number]) if user else Holder(uid, name)
    state = {"name": "main", "containerID": f"containerd://{pod.container}", "ready": True}
    more = {"image": "training", "imageID": "", "restartCount": 0}
    status = {"phase": "Running", "containerStatuses": [state | more]}
    kube.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": manifest["metadata"], "status": status},
        "status",
    )
    return pod


def _write(node: NodeFolder, pods: Sequence[Holder]) -> None:
    lines = ["driver = 580.95.05", "cuda = 13.0", f"latency = {LATENCY_SECONDS:.6f}"]
    for index in range(GPUS):
        lines += ["", f"[gpu {index}]", "profile = h200", f"uuid = {gpu_uuid(index)}"]
        lines += [f"pci_bus_id = 00000000:{0x18 + 8 * index:02X}:00.0"]
        lines += ["utilization = wave 0.7 0.2 60"]
        lines += [f"process = {pod.pid} 30000000000 0.4" for pod in pods if pod.gpu == index]
    node.path.mkdir(parents=True, exist_ok=True)
    node.scenario.write_text("\n".join(lines) + "\n")
    for pod in pods:
        (node.pod_logs / f"{NAMESPACE}_{pod.name}_{pod.uid}").mkdir(parents=True)
        if pod.pid is not None:
            home = node.proc / str(pod.pid)
            home.mkdir(parents=True)
            (home / "cgroup").write_text(pod.cgroup)
            (home / "stat").write_text(Path(f"/proc/{pod.pid}/stat").read_text())


@contextmanager
def _processes() -> Iterator[list[int]]:
    """As many real processes as use the GPUs, which do nothing."""
    with Path(os.devnull).open("wb") as nowhere:
        sleep = "sleep", "infinity"
        sleepers = [child.start(sleep, os.environ, None, nowhere) for _ in range(USERS)]
    try:
        yield [one.pid for one in sleepers]
    finally:
        for one in sleepers:
            one.kill()
            one.wait()


@contextmanager
def _served(
    cluster: SandboxCluster, state: Path, kubelet: PodResources, socket: Path, say: Say
) -> Iterator[None]:
    """etcd, kube-apiserver and the kubelet's socket, in a loop of their own."""
    ready, stop = threading.Event(), threading.Event()

    async def serve() -> None:
        wanted = [p for p in cluster.processes() if p.name.endswith(("/etcd", "/kube-apiserver"))]
        supervisor = Supervisor(wanted, state, say, asyncio.Event())
        supervisor.start()
        try:
            await supervisor.ready(list(supervisor.keepers), START_SECONDS)
            await kubelet.start(socket)
            ready.set()
            await asyncio.to_thread(stop.wait)
            await kubelet.stop()
        finally:
            await supervisor.stop()

    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(asyncio.run, serve())
        serving.add_done_callback(lambda _: ready.set())
        try:
            ready.wait()
            if serving.done():
                serving.result()
            yield
        finally:
            stop.set()
