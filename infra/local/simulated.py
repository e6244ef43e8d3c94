"""The simulated side of a sandbox: the C library, the node simulator, an agent a node."""

import sys
from collections.abc import Callable
from pathlib import Path

from infra.local import step
from infra.local.process import Process
from infra.local.workload_cluster import Agent

LIBRARY = "libnvidia-ml.so.1"


def library(folder: Path, state: Path) -> None:
    """Build libnvidia-ml.so.1 into ``folder``; a second of work."""
    argv = ("agent.simulated.build", "--out", str(folder))
    step.python("the simulated NVML library", argv, {}, state)


def simulator(cluster: str, kubeconfig: Path, folder: Path, nodes: list[str]) -> Process:
    """Writes each node's scenario as pods come and go; ready when every node has one."""

    def ready() -> bool:
        return all((folder / node / "scenario").exists() for node in nodes)

    return Process(
        name=f"{cluster}/node-simulator",
        argv=(
            *(sys.executable, "-m", "infra.local.simulator"),
            *("--kubeconfig", str(kubeconfig), "--folder", str(folder)),
        ),
        needs=(f"{cluster}/kube-apiserver",),
        ready=ready,
    )


def agents(
    cluster: str, nodes: list[str], folder: Path, libraries: Path, build: Callable[[], object]
) -> tuple[Agent, ...]:
    """One real agent process for each simulated node."""
    return tuple(
        Agent(
            node=node,
            env={
                "LD_LIBRARY_PATH": str(libraries),
                "NEUROX_NVML_SCENARIO": str(folder / node / "scenario"),
                "NEUROX_AGENT_POD_RESOURCES": str(folder / node / "pod-resources" / "kubelet.sock"),
                "NEUROX_AGENT_PROC": str(folder / node / "proc"),
            },
            needs=(f"{cluster}/node-simulator",),
            prepare=build,
        )
        for node in nodes
    )
