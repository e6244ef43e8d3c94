"""A sandbox cluster as processes for the supervisor."""

from collections.abc import Callable
from pathlib import Path

from infra.local import step
from infra.local.process import Process
from infra.local.sandbox import arguments
from infra.local.sandbox.layout import Layout
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.servers import USERS, Servers, kube_of
from infra.tools.toolbox import Toolbox

SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""What it runs; all must be in the toolbox. Process names are ``<cluster>/<server>``."""


class SandboxCluster:
    """etcd, the Kubernetes control plane and kwok, all on the loopback interface.

    Call ``prepare``, give ``processes`` to the supervisor, then use ``objects``. What is in etcd
    and the keys stay in ``folder`` and are taken up by the next start.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        tools: Toolbox,
        port: Callable[[str], int],
        nodes: int,
        gpus: int,
    ) -> None:
        """``port`` is asked for names such as ``sandbox-1/etcd``; ``gpus`` are those of a node."""
        self.name = name
        self.layout = Layout.of(name, folder, port)
        self._servers = Servers(self.layout, tools)
        self._nodes = nodes
        self._gpus = gpus

    def prepare(self) -> None:
        """Write certificates, kubeconfigs and the scheduler's configuration; it is quick."""
        at = self.layout
        at.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        what = f"making the certificates of {self.name}"
        step.python(what, ("infra.local.sandbox.pki", str(at.pki)), {}, at.folder)
        self._servers.prepare((*USERS, "kwok"))

    @property
    def server(self) -> str:
        """The API server's address."""
        return self.layout.https("kube-apiserver")

    @property
    def admin_kubeconfig(self) -> Path:
        """Of a member of system:masters; there once ``prepare`` has run."""
        return self.layout.kubeconfig("admin")

    def objects(self) -> Objects:
        """What is to stand in the cluster; usable once kube-apiserver is ready."""
        return Objects(kube_of(self.layout), self.layout, self._nodes, self._gpus)

    def processes(self) -> list[Process]:
        """The five servers, each ready when its own endpoint says so."""
        kwok = self._servers.client("kwok", arguments.kwok, "/healthz")
        return [*self._servers.processes(), kwok]
