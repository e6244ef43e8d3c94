"""The figures at the top of the first page."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal
from urllib.parse import quote

from controllers.domain.workload import State
from portal.api.shapes.fleet_map import Stated
from portal.api.shapes.values import mean, total
from portal.schemas import ClusterOut, Tile


def tiles(
    clusters: list[ClusterOut], gpus: list[Stated], workloads: Iterable[State], chosen: list[str]
) -> list[Tile]:
    """Eight figures, each with a link to the table that it counts, of the clusters ``chosen``."""
    found = [*_gpu_tiles(clusters, gpus), *_state_tiles(clusters, Counter(workloads))]
    narrow = quote(",".join(chosen), safe=",")
    return [_narrowed(tile, narrow) for tile in found] if narrow else found


def _narrowed(tile: Tile, clusters: str) -> Tile:
    if tile.href == "/clusters":
        return tile
    joint = "&" if "?" in tile.href else "?"
    return tile.model_copy(update={"href": f"{tile.href}{joint}cluster={clusters}"})


def _gpu_tiles(clusters: list[ClusterOut], gpus: list[Stated]) -> list[Tile]:
    counts = Counter(does for _, does in gpus)
    live = [gpu for gpu, does in gpus if does not in ("stale", "fault")]
    idle = counts["idle"]
    unknown = f"{counts['stale']} unknown" if counts["stale"] else ""
    return [
        Tile(
            key="gpus",
            label="GPUs allocated",
            value=sum(cluster.gpus_allocated for cluster in clusters),
            of=sum(cluster.gpus for cluster in clusters),
            href="/gpus?state=busy,idle,allocated",
        ),
        Tile(
            key="utilization",
            label="GPU utilisation",
            value=mean(gpu.utilization for gpu in live),
            unit="ratio",
            note=unknown,
            href="/gpus?sort=-utilization",
        ),
        Tile(
            key="memory",
            label="GPU memory used",
            value=total(gpu.memory_used_bytes for gpu in live),
            of=total(gpu.memory_total_bytes for gpu in live),
            unit="bytes",
            note=unknown,
            href="/gpus?sort=-memory_used_bytes",
        ),
        Tile(
            key="idle",
            label="Idle GPUs",
            value=idle if live else None,
            of=counts["busy"] + idle if live else None,
            note="allocated, doing nothing" if idle else "",
            tone="warn" if idle else "good" if live else "plain",
            href="/gpus?state=idle",
        ),
    ]


def _state_tiles(clusters: list[ClusterOut], states: Counter[State]) -> list[Tile]:
    nodes, ready = sum(c.nodes for c in clusters), sum(c.nodes_ready for c in clusters)
    connected = sum(cluster.state == "connected" for cluster in clusters)
    return [
        Tile(
            key="running",
            label="Running workloads",
            value=states["Running"],
            href="/workloads?state=Running",
        ),
        Tile(
            key="waiting",
            label="Waiting workloads",
            value=states["Queued"] + states["Submitted"],
            href="/workloads?state=Queued,Submitted",
        ),
        Tile(
            key="nodes",
            label="Nodes ready",
            value=ready,
            of=nodes,
            tone="bad" if ready < nodes else "good" if nodes else "plain",
            href="/nodes",
        ),
        Tile(
            key="clusters",
            label="Clusters connected",
            value=connected,
            of=len(clusters),
            tone=_tone(clusters),
            href="/clusters",
        ),
    ]


def _tone(clusters: list[ClusterOut]) -> Literal["good", "warn", "bad"]:
    states = {cluster.state for cluster in clusters}
    return "bad" if "lost" in states else "warn" if "revoked" in states else "good"
