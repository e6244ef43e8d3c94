"""The servers of a Kubernetes cluster that every kind of it has, as processes."""

import json
from collections.abc import Callable, Iterable

from infra.local.process import Process
from infra.local.sandbox import arguments, kubeconfig
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.layout import Layout
from infra.local.sandbox.ready import https_ok
from infra.tools.toolbox import Toolbox

USERS = ("admin", "kube-controller-manager", "kube-scheduler")


def kube_of(at: Layout) -> Kube:
    """Calls as the admin of that cluster; usable once kube-apiserver is ready."""
    client = (at.certificate("admin"), at.key("admin"))
    return Kube(at.https("kube-apiserver"), at.certificate("ca"), client)


class Servers:
    """etcd, kube-apiserver, kube-controller-manager and kube-scheduler.

    Certificates must be there when ``prepare`` is called, and ``prepare`` before the processes.
    """

    def __init__(self, layout: Layout, tools: Toolbox) -> None:
        self._layout = layout
        self._name = layout.name
        self._tools = tools

    def prepare(self, users: Iterable[str] = USERS) -> None:
        """Write the kubeconfigs of ``users`` and the scheduler's configuration."""
        at = self._layout
        for user in users:
            document = kubeconfig.by_certificate(
                at.https("kube-apiserver"), at.certificate("ca"), at.certificate(user), at.key(user)
            )
            kubeconfig.write(at.kubeconfig(user), document)
        at.scheduler_config.write_text(json.dumps(arguments.scheduler_config(at), indent=2))

    def processes(self) -> list[Process]:
        """The four, each ready when its own endpoint says so."""
        return [
            self._etcd(),
            self._apiserver(),
            self.client("kube-controller-manager", arguments.controller_manager, "/healthz"),
            self.client("kube-scheduler", arguments.scheduler, "/readyz"),
        ]

    def client(self, role: str, flags: Callable[[Layout], tuple[str, ...]], path: str) -> Process:
        """A server that begins once the API server is ready."""
        at = self._layout
        return Process(
            name=f"{self._name}/{role}",
            argv=(str(self._tools.path(role)), *flags(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports[role], path, at.certificate("ca")),
            needs=(f"{self._name}/kube-apiserver",),
        )

    def _etcd(self) -> Process:
        at = self._layout
        client = (at.certificate("apiserver-etcd-client"), at.key("apiserver-etcd-client"))
        return Process(
            name=f"{self._name}/etcd",
            argv=(str(self._tools.path("etcd")), *arguments.etcd(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports["etcd"], "/readyz", at.certificate("etcd-ca"), client),
        )

    def _apiserver(self) -> Process:
        at = self._layout
        client = (at.certificate("admin"), at.key("admin"))
        return Process(
            name=f"{self._name}/kube-apiserver",
            argv=(str(self._tools.path("kube-apiserver")), *arguments.apiserver(at)),
            env=arguments.ENVIRONMENT,
            ready=https_ok(at.ports["kube-apiserver"], "/readyz", at.certificate("ca"), client),
            needs=(f"{self._name}/etcd",),
        )
