"""A GPU as the API shows it."""

from typing import Any

from controllers.domain.gpu import Gpu, Holder, Xid
from controllers.domain.workload import Workload
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.gpu_words import clock_event, finding, health, recovery
from portal.api.shapes.values import at, moment
from portal.schemas import GpuHolder, GpuMig, GpuOut, GpuState, GpuXid, XidKind

BUSY = 0.05
"""A GPU that is used this much of the time or more is not idle."""
DAY_SECONDS = 86_400
_READINGS = (
    *("utilization", "sm_active", "tensor_active", "memory_used_bytes"),
    *("unattributed_memory_bytes", "power_watts", "temperature_celsius"),
)


def state(gpu: Gpu, fresh: bool) -> GpuState:
    """What it does; without a fresh reading nothing is claimed."""
    if not fresh:
        return "stale"
    if not gpu.up:
        return "fault"
    if not gpu.holders:
        return "free"
    # A GPU in MIG mode tells no utilization; not all tell what their instances do.
    known = [gpu.utilization, gpu.sm_active, *(mig.sm_active for mig in gpu.migs)]
    most = max((value for value in known if value is not None), default=None)
    if most is None:
        return "allocated"
    return "busy" if most >= BUSY else "idle"


def hardware_xids(gpu: Gpu, now: float) -> list[Xid]:
    """Those of the last 24 h that tell of the GPU or its links, not of a program or the driver."""
    return [xid for xid in _recent(gpu, now) if xid.cause in ("hardware", "link")]


def xid_kind(gpu: Gpu, now: float) -> XidKind:
    """The worst of the last 24 h."""
    if hardware_xids(gpu, now):
        return "hardware"
    return "software" if _recent(gpu, now) else "none"


def _recent(gpu: Gpu, now: float) -> list[Xid]:
    return [xid for xid in gpu.xids if xid.last_at is not None and now - xid.last_at < DAY_SECONDS]


def gpu_out(fleet: Fleet, reported: Reported, gpu: Gpu) -> GpuOut:
    """The GPU with its holders; readings only while they are fresh."""
    fresh = fleet.fresh(gpu)
    first = gpu.holders[0] if gpu.holders else None
    return GpuOut(
        uuid=gpu.uuid,
        cluster=reported.cluster.name,
        node=gpu.node,
        index=gpu.index,
        model=gpu.model,
        pool=reported.pool_of.get(gpu.node),
        state=state(gpu, fresh),
        **{name: getattr(gpu, name) if fresh else None for name in _READINGS},
        memory_total_bytes=gpu.memory_total_bytes,
        power_limit_watts=gpu.power_limit_watts,
        clock_events=list(map(clock_event, gpu.clock_events))
        if fresh and gpu.clock_events is not None
        else None,
        health=health(gpu.health) if fresh else None,
        findings=[finding(check) for check in gpu.findings],
        recovery_action=recovery(gpu.recovery_action) if fresh else None,
        xids=_xids(gpu),
        xid_24h=xid_kind(gpu, fleet.now),
        migs=_migs(gpu, fresh),
        holders=[_holder(fleet, reported, holder, fresh) for holder in gpu.holders],
        **_whose(fleet, reported.holding(gpu)),
        namespace=first.namespace if first else None,
        pod=first.pod if first else None,
        driver=gpu.driver,
        serial=gpu.serial,
        pci_bus_id=gpu.pci_bus_id,
        sampled_at=at(gpu.sampled_at),
        sample_age_seconds=round(max(0.0, fleet.now - gpu.sampled_at), 1),
        simulated=gpu.simulated,
    )


def _whose(fleet: Fleet, workload: Workload | None) -> dict[str, Any]:
    """The workload that has it, and its user; nulls where that is none that is known."""
    if workload is None:
        return {"workload_id": None, "workload": None, "user": None}
    return {
        "workload_id": workload.id,
        "workload": fleet.called(workload),
        "user": fleet.user_of(workload),
    }


def _holder(fleet: Fleet, reported: Reported, holder: Holder, fresh: bool) -> GpuHolder:
    return GpuHolder(
        namespace=holder.namespace,
        pod=holder.pod,
        mode=holder.mode,
        mig_uuids=list(holder.mig_uuids),
        **_whose(fleet, reported.behind(holder)),
        utilization=holder.utilization if fresh else None,
        memory_used_bytes=holder.memory_used_bytes if fresh else None,
        busy_seconds=holder.busy_seconds,
        energy_joules=holder.energy_joules,
    )


def _xids(gpu: Gpu) -> list[GpuXid]:
    return [
        GpuXid(
            code=xid.code,
            count=xid.count,
            last_at=moment(xid.last_at),
            severity=xid.severity,
            cause=xid.cause,
            text=xid.text,
        )
        for xid in gpu.xids
    ]


def _migs(gpu: Gpu, fresh: bool) -> list[GpuMig]:
    return [
        GpuMig(
            uuid=mig.uuid,
            gi=mig.gi,
            ci=mig.ci,
            profile=mig.profile,
            memory_used_bytes=mig.memory_used_bytes if fresh else None,
            memory_total_bytes=mig.memory_total_bytes,
            sm_active=mig.sm_active if fresh else None,
            tensor_active=mig.tensor_active if fresh else None,
        )
        for mig in gpu.migs
    ]
