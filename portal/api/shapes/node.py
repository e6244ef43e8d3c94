"""A node as the API shows it."""

from typing import Literal

from controllers.domain.cluster import Node
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.values import age, mean, moment, total, total_bytes
from portal.schemas import FRESH_SECONDS, NodeOut

State = Literal["ready", "not ready", "cordoned", "unknown"]


def state(node: Node, reported_at: float | None, now: float) -> State:
    """Unknown once the cluster's report is old."""
    if reported_at is None or now - reported_at > FRESH_SECONDS:
        return "unknown"
    if not node.ready:
        return "not ready"
    return "cordoned" if node.cordoned else "ready"


def node_out(fleet: Fleet, reported: Reported, node: Node) -> NodeOut:
    """The node with the sums and means of its fresh GPU readings."""
    gpus = reported.gpus_on.get(node.name, [])
    live = [gpu for gpu in gpus if gpu.up and fleet.fresh(gpu)]
    heat = [gpu.temperature_celsius for gpu in live if gpu.temperature_celsius is not None]
    return NodeOut(
        name=node.name,
        cluster=reported.cluster.name,
        pool=node.pool,
        state=state(node, reported.reported_at, fleet.now),
        reason=node.reason,
        model=node.model,
        gpus=node.gpus,
        gpus_allocated=node.allocated,
        utilization=mean(gpu.utilization for gpu in live),
        memory_used_bytes=total_bytes(gpu.memory_used_bytes for gpu in live),
        memory_total_bytes=total_bytes(gpu.memory_total_bytes for gpu in live),
        power_watts=total(gpu.power_watts for gpu in live),
        temperature_celsius=max(heat, default=None),
        workloads=len(reported.workloads_on.get(node.name, ())),
        kubelet_version=node.kubelet_version,
        reported_at=moment(reported.reported_at),
        report_age_seconds=age(fleet.now, reported.reported_at),
        simulated=node.simulated,
    )
