"""What `neurox up` was asked for."""

from dataclasses import dataclass
from pathlib import Path

from infra.local.errors import USAGE, LocalError
from infra.local.state import State

NODES, GPUS, CLUSTERS = 4, 8, 1
IDLE = "idle"
"""Marks a sandbox that a later `up` with fewer --clusters did not start; its data stays."""


@dataclass(frozen=True)
class Options:
    """The command line; None: as last time, else the default."""

    folder: Path
    clusters: int | None = None
    nodes: int | None = None
    gpus: int | None = None
    port: int | None = None
    demo: bool = True
    context: str | None = None
    yes: bool = False

    def __post_init__(self) -> None:
        if self.context is not None and (self.clusters or self.nodes or self.gpus):
            raise LocalError(
                "--context manages a cluster of yours; --clusters, --nodes and --gpus are for "
                "sandbox clusters. Use one or the other.",
                USAGE,
            )


@dataclass(frozen=True)
class Sandbox:
    """One sandbox cluster and its simulated GPU nodes."""

    name: str
    nodes: int
    gpus: int


def sandboxes(options: Options, state: State) -> list[Sandbox]:
    """The sandbox clusters to run; remembers them, so that the next `up` shows the same fleet."""
    if options.context is not None:
        return []
    ours = {name: row for name, row in state.clusters.items() if "context" not in row}
    remembered = [row for row in ours.values() if IDLE not in row]
    count = options.clusters or len(remembered) or CLUSTERS
    found = []
    for number in range(1, count + 1):
        name = f"sandbox-{number}"
        row = state.clusters.get(name, {})
        nodes = options.nodes or int(row.get("nodes", NODES))
        gpus = options.gpus or int(row.get("gpus", GPUS))
        state.clusters[name] = {"nodes": str(nodes), "gpus": str(gpus)}
        found.append(Sandbox(name, nodes, gpus))
    for name in ours.keys() - {one.name for one in found}:
        state.clusters[name][IDLE] = "yes"
    return found
