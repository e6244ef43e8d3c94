"""A sandbox cluster as processes for the supervisor."""

import json
from collections.abc import Callable
from pathlib import Path

from infra.local import step
from infra.local.process import Process
from infra.local.sandbox import arguments, kubeconfig
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.layout import Layout
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.ready import https_ok
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
        self._tools = tools
        self._nodes = nodes
        self._gpus = gpus

    def prepare(self) -> None:
        """Write certificates, kubeconfigs and the scheduler's configuration; it is quick."""
        at = self.layout
        at.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        what = f"making the certificates of {self.name}"
        step.python(what, ("infra.local.sandbox.pki", str(at.pki)), {}, at.folder)
        for user in ("admin", "kube-controller-manager", "kube-scheduler", "kwok"):
            document = kubeconfig.by_certificate(
                self.server, at.certificate("ca"), at.certificate(user), at.key(user)
            )
            kubeconfig.write(at.kubeconfig(user), document)
        at.scheduler_config.write_text(json.dumps(arguments.scheduler_config(at), indent=2))

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
        at = self.layout
        kube = Kube(self.server, at.certificate("ca"), (at.certificate("admin"), at.key("admin")))
        return Objects(kube, at, self._nodes, self._gpus)

    def processes(self) -> list[Process]:
        """The five servers, each ready when its own endpoint says so."""
        return [
            self._etcd(),
            self._apiserver(),
            self._client("kube-controller-manager", arguments.controller_manager, "/healthz"),
            self._client("kube-scheduler", arguments.scheduler, "/readyz"),
            self._client("kwok", arguments.kwok, "/healthz"),
        ]

    def _etcd(self) -> Process:
        at = self.layout
        client = (at.certificate("apiserver-etcd-client"), at.key("apiserver-etcd-client"))
        return Process(
            name=f"{self.name}/etcd",
            argv=(str(self._tools.path("etcd")), *arguments.etcd(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports["etcd"], "/readyz", at.certificate("etcd-ca"), client),
        )

    def _apiserver(self) -> Process:
        at = self.layout
        client = (at.certificate("admin"), at.key("admin"))
        return Process(
            name=f"{self.name}/kube-apiserver",
            argv=(str(self._tools.path("kube-apiserver")), *arguments.apiserver(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports["kube-apiserver"], "/readyz", at.certificate("ca"), client),
            needs=(f"{self.name}/etcd",),
        )

    def _client(self, role: str, flags: Callable[[Layout], tuple[str, ...]], path: str) -> Process:
        at = self.layout
        return Process(
            name=f"{self.name}/{role}",
            argv=(str(self._tools.path(role)), *flags(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports[role], path, at.certificate("ca")),
            needs=(f"{self.name}/kube-apiserver",),
        )
