"""The first page's figures: everything on it is counted from the same moment."""

from portal.api.fleet import Fleet
from portal.api.shapes.attention import attention
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.gpu import gpu_out
from portal.api.shapes.values import age, at, mean, total
from portal.api.shapes.workload import rows, workload_out
from portal.auth.identity import Caller
from portal.schemas import ClusterOut, GpuOut, OverviewOut, Tile, WorkloadOut

WORKLOADS_SHOWN = 20


def overview_out(fleet: Fleet, caller: Caller, chosen: list[str]) -> OverviewOut:
    """The overview of all clusters, or of those ``chosen`` by name."""
    seen = [r for r in fleet.clusters if not chosen or r.cluster.name in chosen]
    clusters = [cluster_out(fleet, reported) for reported in seen]
    gpus = [gpu_out(fleet, reported, gpu) for reported in seen for gpu in reported.gpus]
    workloads = [
        workload_out(fleet, row, caller)
        for row in rows(fleet)
        if not chosen or (row.reported and row.reported.cluster.name in chosen)
    ]
    return OverviewOut(
        generated_at=at(fleet.now),
        report_age_seconds=age(fleet.now, fleet.oldest_report(seen)),
        clusters=clusters,
        tiles=tiles(clusters, gpus, workloads),
        gpus=gpus,
        attention=attention(seen, clusters, gpus),
        workloads=top(workloads),
        simulated=any(cluster.simulated for cluster in clusters),
    )


def top(workloads: list[WorkloadOut]) -> list[WorkloadOut]:
    """Those that hold most GPUs, then the newest."""
    holding = ("Starting", "Running", "Stopping")

    def rank(workload: WorkloadOut) -> tuple[int, float]:
        submitted = workload.submitted_at.timestamp() if workload.submitted_at else 0.0
        return (workload.gpus if workload.state in holding else 0, submitted)

    return sorted(workloads, key=rank, reverse=True)[:WORKLOADS_SHOWN]


def tiles(
    clusters: list[ClusterOut], gpus: list[GpuOut], workloads: list[WorkloadOut]
) -> list[Tile]:
    """Eight figures, each with a link to the table that it counts."""
    return [*_gpu_tiles(clusters, gpus), *_state_tiles(clusters, workloads)]


def _gpu_tiles(clusters: list[ClusterOut], gpus: list[GpuOut]) -> list[Tile]:
    live = [gpu for gpu in gpus if gpu.state not in ("stale", "fault")]
    idle = [gpu for gpu in live if gpu.state == "idle"]
    stale = sum(gpu.state == "stale" for gpu in gpus)
    unknown = f"{stale} unknown" if stale else ""
    return [
        Tile(
            key="gpus",
            label="GPUs allocated",
            value=sum(cluster.gpus_allocated for cluster in clusters),
            of=sum(cluster.gpus for cluster in clusters),
            href="/gpus?state=busy,idle",
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
            value=len(idle) if live else None,
            of=sum(gpu.state in ("busy", "idle") for gpu in live) if live else None,
            note="allocated, doing nothing",
            tone="warn" if idle else "good" if live else "plain",
            href="/gpus?state=idle",
        ),
    ]


def _state_tiles(clusters: list[ClusterOut], workloads: list[WorkloadOut]) -> list[Tile]:
    states = [workload.state for workload in workloads]
    nodes, ready = sum(c.nodes for c in clusters), sum(c.nodes_ready for c in clusters)
    connected = sum(cluster.state == "connected" for cluster in clusters)
    return [
        Tile(
            key="running",
            label="Running workloads",
            value=states.count("Running"),
            href="/workloads?state=Running",
        ),
        Tile(
            key="waiting",
            label="Waiting workloads",
            value=states.count("Queued") + states.count("Submitted"),
            href="/workloads?state=Queued,Submitted",
        ),
        Tile(
            key="nodes",
            label="Nodes ready",
            value=ready,
            of=nodes,
            tone="bad" if ready < nodes else "good" if nodes else "plain",
            href="/clusters",
        ),
        Tile(
            key="clusters",
            label="Clusters connected",
            value=connected,
            of=len(clusters),
            tone="bad" if any(c.state == "lost" for c in clusters) else "good",
            href="/clusters",
        ),
    ]
