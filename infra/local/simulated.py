"""The simulated side of a sandbox: the C library, the node simulator, an agent a node."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.local import step
from infra.local.process import Process
from infra.local.simulator.layout import READY, NodeFolder
from infra.local.workload_cluster import Agent


def library(folder: Path, compiler: Mapping[str, str], state: Path) -> None:
    """Build libnvidia-ml.so.1 into ``folder``; a second of work. ``compiler``: CC and its needs."""
    argv = ("agent.simulated.build", "--out", str(folder))
    step.python("the simulated NVML library", argv, compiler, state)


def simulator(cluster: str, kubeconfig: Path, folder: Path, nodes: list[str]) -> Process:
    """Writes each node's scenario as pods come and go; ready when all of its nodes are written."""

    def prepare() -> None:
        (folder / READY).unlink(missing_ok=True)  # of one that was killed

    def ready() -> bool:
        written = all(NodeFolder(folder / node).proc.is_dir() for node in nodes)
        return written and (folder / READY).exists()

    return Process(
        name=f"{cluster}/node-simulator",
        argv=(
            *(sys.executable, "-m", "infra.local.simulator"),
            *("--kubeconfig", str(kubeconfig), "--folder", str(folder)),
        ),
        needs=(f"{cluster}/kube-apiserver",),
        prepare=prepare,
        ready=ready,
    )


def agents(
    cluster: str, nodes: list[str], folder: Path, libraries: Path, build: Callable[[], object]
) -> tuple[Agent, ...]:
    """One real agent process for each simulated node."""
    return tuple(
        Agent(
            node=node,
            env=NodeFolder(folder / node).agent_env(libraries),
            needs=(f"{cluster}/node-simulator",),
            prepare=build,
        )
        for node in nodes
    )
