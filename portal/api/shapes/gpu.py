"""A GPU as the API shows it."""

from controllers.domain.cluster import Gpu
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.values import at
from portal.schemas import GpuOut, GpuState

BUSY = 0.05
"""A GPU that is used this much of the time or more is not idle."""


def state(gpu: Gpu, fresh: bool) -> GpuState:
    """What it does; without a fresh reading nothing is claimed."""
    if not fresh:
        return "stale"
    if not gpu.up:
        return "fault"
    if gpu.holder is None:
        return "free"
    if gpu.utilization is None:
        return "stale"
    return "busy" if gpu.utilization >= BUSY else "idle"


def gpu_out(fleet: Fleet, reported: Reported, gpu: Gpu) -> GpuOut:
    """The GPU with its holder; readings only while they are fresh."""
    fresh = fleet.fresh(gpu)
    held_by = (gpu.holder.namespace, gpu.holder.pod) if gpu.holder else None
    workload = reported.holding(gpu)
    return GpuOut(
        uuid=gpu.uuid,
        cluster=reported.cluster.name,
        node=gpu.node,
        index=gpu.index,
        model=gpu.model,
        pool=reported.pool_of.get(gpu.node),
        state=state(gpu, fresh),
        utilization=gpu.utilization if fresh else None,
        memory_used_bytes=gpu.memory_used_bytes if fresh else None,
        memory_total_bytes=gpu.memory_total_bytes,
        power_watts=gpu.power_watts if fresh else None,
        temperature_celsius=gpu.temperature_celsius if fresh else None,
        workload_id=workload.id if workload else None,
        workload=fleet.called(workload) if workload else None,
        user=fleet.user_of(workload) if workload else None,
        namespace=held_by[0] if held_by else None,
        pod=held_by[1] if held_by else None,
        sampled_at=at(gpu.sampled_at),
        sample_age_seconds=round(max(0.0, fleet.now - gpu.sampled_at), 1),
        simulated=gpu.simulated,
    )
