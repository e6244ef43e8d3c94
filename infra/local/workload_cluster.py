"""Our processes beside one Kubernetes cluster: manager, relay-client, Prometheus, agents."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.local import monitoring
from infra.local.join import Join
from infra.local.ports import Ports, address
from infra.local.process import Process
from infra.local.ready import http_ok

NAMESPACE = "neurox-system"


@dataclass(frozen=True)
class Kubernetes:
    """The cluster they work on, be it a sandbox or someone's own."""

    needs: tuple[str, ...]
    """Processes that must be ready before it can be talked to."""
    prepare: Callable[[], None]
    """Puts our objects there and writes both kubeconfigs; safe to repeat."""
    apply: Callable[[str], None]
    """Applies one object in YAML."""
    manager_kubeconfig: Path
    relay_kubeconfig: Path


@dataclass(frozen=True)
class Agent:
    """One node's agent: simulated unless ``env`` says nothing of it."""

    node: str
    env: Mapping[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    prepare: Callable[[], object] | None = None


class WorkloadCluster:
    """What we run for one cluster; its files lie in ``folder``."""

    def __init__(
        self, name: str, folder: Path, ports: Ports, kubernetes: Kubernetes, join: Join
    ) -> None:
        self.name = name
        self._folder = folder
        self._ports = ports
        self._kubernetes = kubernetes
        self._join = join
        self._manager = ports.get(f"{name}/workload-manager")
        self._relay = ports.get(f"{name}/relay-client")

    def processes(self, prometheus: Path | None, agents: tuple[Agent, ...]) -> list[Process]:
        """The manager and the relay-client; with a program, also Prometheus and the agents."""
        found = [self._workload_manager(), self._relay_client()]
        if prometheus is not None:
            listens = {agent.node: self._ports.get(f"{self.name}/{agent.node}") for agent in agents}
            found.append(self._prometheus(prometheus, listens))
            found += [self._agent(agent, listens[agent.node]) for agent in agents]
        return found

    def _workload_manager(self) -> Process:
        return Process(
            name=f"{self.name}/workload-manager",
            argv=(sys.executable, "-m", "controllers.workload"),
            env={
                "NEUROX_MANAGER_KUBECONFIG": str(self._kubernetes.manager_kubeconfig),
                "NEUROX_MANAGER_LISTEN": address(self._manager),
                "NEUROX_NAMESPACE": NAMESPACE,
            },
            needs=self._kubernetes.needs,
            prepare=self._kubernetes.prepare,
            ready=http_ok(self._manager, "/readyz"),
        )

    def _relay_client(self) -> Process:
        def prepare() -> None:
            self._kubernetes.prepare()
            monitoring.write_token(self._folder / "prometheus")
            self._join.ensure(self._kubernetes.apply)

        return Process(
            name=f"{self.name}/relay-client",
            argv=(sys.executable, "-m", "controllers.relay.client"),
            env={
                "NEUROX_RELAY_JOIN_FILE": str(self._join.file),
                "NEUROX_RELAY_KUBECONFIG": str(self._kubernetes.relay_kubeconfig),
                "NEUROX_RELAY_MANAGER": f"http://{address(self._manager)}",
                "NEUROX_RELAY_METRICS_LISTEN": address(self._relay),
                "NEUROX_RELAY_DRAIN_SECONDS": "2",
                "NEUROX_RELAY_WRITE_TOKEN_FILE": str(self._folder / "prometheus" / "write-token"),
                "NEUROX_NAMESPACE": NAMESPACE,
            },
            needs=("web", "relay-server", *self._kubernetes.needs),
            prepare=prepare,
            ready=http_ok(self._relay, "/readyz"),
        )

    def _prometheus(self, program: Path, listens: Mapping[str, int]) -> Process:
        port = self._ports.get(f"{self.name}/prometheus")
        folder = self._folder / "prometheus"

        def prepare() -> None:
            targets = {node: address(listen) for node, listen in listens.items()}
            write_url = f"http://{address(self._relay)}/api/v1/write"
            monitoring.write(folder, write_url, targets)

        return Process(
            name=f"{self.name}/prometheus",
            argv=monitoring.argv(program, folder, address(port)),
            prepare=prepare,
            ready=http_ok(port, "/-/ready"),
        )

    def _agent(self, agent: Agent, port: int) -> Process:
        def prepare() -> None:
            if agent.prepare is not None:
                agent.prepare()

        return Process(
            name=f"{self.name}/agent-{agent.node}",
            argv=(sys.executable, "-m", "agent"),
            env={
                **agent.env,
                "NEUROX_AGENT_NODE": agent.node,
                "NEUROX_AGENT_LISTEN": address(port),
            },
            needs=agent.needs,
            prepare=prepare,
            ready=http_ok(port, "/readyz"),
        )
