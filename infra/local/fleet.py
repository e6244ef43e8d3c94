"""Everything that `up` runs, built from what was asked for; nothing is started here."""

import sys
from dataclasses import dataclass
from pathlib import Path

from infra.local import kube_context, sandbox_access, simulated
from infra.local.admin import CONTEXT, Admin, bootstrap
from infra.local.api import Api
from infra.local.control_plane import ControlPlane, Programs
from infra.local.errors import LocalError
from infra.local.join import Join
from infra.local.once import Once
from infra.local.options import Sandbox
from infra.local.ports import Ports
from infra.local.process import Process
from infra.local.real_node import RealNode
from infra.local.sandbox.manifests import node_names
from infra.local.sandbox.processes import SandboxCluster
from infra.local.workload_cluster import Agent, WorkloadCluster
from infra.tools.toolbox import Toolbox


@dataclass(frozen=True)
class Milestone:
    """A line to print once these processes are all ready."""

    text: str
    names: tuple[str, ...]


class Fleet:
    """Processes and milestones of one `up`."""

    def __init__(self, folder: Path, ports: Ports, http_port: int, tools: Toolbox) -> None:
        self._folder = folder
        self._ports = ports
        self._tools = tools
        self._http_port = http_port
        programs = Programs(tools.path("valkey-server"), tools.path("thanos"))
        self.control = ControlPlane(folder, ports, http_port, programs)
        self.admin: Once[Admin] = Once(
            lambda: bootstrap(self.control.redis_url, folder, self.control.url)
        )
        self.processes = self.control.processes()
        self.milestones = [
            Milestone("control plane ready", tuple(one.name for one in self.processes))
        ]
        libraries = folder / "lib"
        self.simulated = False
        self._build = Once(lambda: simulated.library(libraries, tools.c_compiler(), folder))

    def api(self) -> Api:
        """The public API as the admin."""
        return Api(self._http_port, self.admin().token)

    def has_numbers(self) -> bool:
        """Whether the API shows the utilisation of any GPU."""
        try:
            found = self.api().get("/gpus?limit=100") or {"items": []}
        except LocalError:
            return False
        return any(gpu["utilization"] is not None for gpu in found["items"])

    def add_sandbox(self, asked: Sandbox, real: RealNode | None) -> None:
        """A sandbox cluster with simulated nodes and, if there is one, the real node."""
        self.simulated = True
        name, folder = asked.name, self._folder / "clusters" / asked.name
        kube_folder, nodes_folder = folder / "kubernetes", folder / "nodes"
        cluster = SandboxCluster(
            name, kube_folder, self._tools, self._ports.get, asked.nodes, asked.gpus
        )
        access = sandbox_access.access(cluster, kube_folder, real)
        nodes = node_names(asked.nodes)
        servers = sandbox_access.servers(cluster)
        simulator = simulated.simulator(name, cluster.admin_kubeconfig, nodes_folder, nodes)
        agents = simulated.agents(name, nodes, nodes_folder, self._folder / "lib", self._build)
        if real is not None:
            agents = (*agents, Agent(real.name))
        ours = WorkloadCluster(name, folder, self._ports, access, self._join(name, folder))
        own = ours.processes(self._tools.path("prometheus"), agents)
        self.processes += [*servers, simulator, *own]
        self.milestones += [
            Milestone(f"{name}: Kubernetes ready", tuple(one.name for one in servers)),
            Milestone(f"{name}: joined", (f"{name}/workload-manager", f"{name}/relay-client")),
            Milestone(
                f"{name}: {len(agents)} agents and Prometheus ready",
                tuple(one.name for one in [simulator, *own[2:]]),
            ),
        ]

    def add_context(self, name: str, context: kube_context.Context) -> None:
        """A cluster of the user's own; ``name`` is what it is called here."""
        folder = self._folder / "clusters" / name
        access = kube_context.access(context, self._folder, folder)
        ours = WorkloadCluster(name, folder, self._ports, access, self._join(name, folder))
        own = ours.processes(None, ())
        self.processes += own
        self.milestones.append(Milestone(f"{name}: joined", tuple(one.name for one in own)))

    def add_demo(self) -> None:
        """The demo's users and workloads, by the public API alone."""
        self.processes.append(
            Process(
                name="demo",
                argv=(sys.executable, "-m", "portal.cli.main", "demo"),
                env={"NEUROX_CONTEXT": CONTEXT},
                needs=("web", "control-manager"),
                prepare=self._sign_in,
            )
        )

    def _sign_in(self) -> None:
        self.admin()

    def _join(self, name: str, folder: Path) -> Join:
        return Join(name, folder / "join.kubeconfig", self.api, self.control.hub)
