"""A cluster as the API shows it."""

from portal.api.fleet import Fleet, Reported
from portal.api.shapes.credential import credential_out
from portal.api.shapes.values import age, at, mean, moment
from portal.schemas import FRESH_SECONDS, ClusterOut
from portal.schemas.cluster import ClusterState


def state(reported: Reported, now: float) -> ClusterState:
    """Whether it may report at all, ever did, and lately."""
    if reported.cluster.removed_at is not None:
        return "removed"
    if reported.credential.revoked:
        return "revoked"
    if reported.reported_at is None:
        return "waiting"
    return "connected" if now - reported.reported_at <= FRESH_SECONDS else "lost"


def cluster_out(fleet: Fleet, reported: Reported) -> ClusterOut:
    """The cluster with the last counts it reported."""
    meta, nodes = reported.meta, reported.nodes
    states = [workload.state for workload in reported.workloads]
    sampled = max((gpu.sampled_at for gpu in reported.gpus), default=None)
    fresh = [gpu for gpu in reported.gpus if gpu.up and fleet.fresh(gpu)]
    return ClusterOut(
        id=reported.cluster.id,
        name=reported.cluster.name,
        description=reported.cluster.description,
        labels=dict(reported.cluster.labels),
        state=state(reported, fleet.now),
        created_at=at(reported.cluster.created_at),
        removed_at=moment(reported.cluster.removed_at),
        reported_at=moment(reported.reported_at),
        report_age_seconds=age(fleet.now, reported.reported_at),
        kubernetes_version=meta.kubernetes_version if meta else None,
        manager_version=meta.manager_version if meta else None,
        relay_version=reported.relay_version,
        nodes=len(nodes),
        nodes_ready=sum(node.ready for node in nodes),
        gpus=sum(node.gpus for node in nodes),
        gpus_allocated=sum(node.allocated for node in nodes),
        running=states.count("Running"),
        queued=states.count("Queued"),
        utilization=mean(gpu.utilization for gpu in fresh),
        sampled_at=moment(sampled),
        sample_age_seconds=age(fleet.now, sampled),
        credential=credential_out(reported.credential, fleet.now),
        clock_skew_seconds=reported.credential.skew_seconds,
        simulated=any(node.simulated for node in nodes),
    )
