"""GPUs."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model

GpuState = Literal["busy", "idle", "allocated", "free", "fault", "stale"]
"""A pod has it: busy, idle, or allocated where no reading tells; free: none; stale: no sample."""
Health = Literal["good", "warning", "failed"]


class GpuHolder(Model):
    """A pod that was given a GPU or a part of it; with mode ``none`` it uses it without.

    ``utilization`` is its share of the GPU's time; busy seconds and joules are its part of the
    GPU's since the GPU's agent started.
    """

    namespace: str
    pod: str
    mode: str
    mig_uuids: list[str]
    workload_id: str | None
    workload: str | None
    user: str | None
    utilization: float | None
    memory_used_bytes: int | None
    busy_seconds: float | None
    energy_joules: float | None


class ClockEvent(Model):
    """Something that holds the clocks back now; ``throttles`` where that costs speed."""

    reason: str
    text: str
    throttles: bool


XidKind = Literal["hardware", "software", "none"]
"""Hardware is the GPU and its links; software is a program or the driver."""


class GpuXid(Model):
    """An error that the driver reported, as often as since the GPU's agent started."""

    code: int
    count: int
    last_at: datetime | None
    severity: str
    cause: str
    text: str


class GpuMig(Model):
    """A MIG device; its readings are those of its GPU instance."""

    uuid: str
    gi: int
    ci: int
    profile: str
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    sm_active: float | None
    tensor_active: float | None


class GpuOut(Model):
    """One GPU; readings are null once they are older than 45 s, or where it has no such reading.

    ``namespace`` and ``pod`` are those of the first of its holders, ``workload`` and ``user`` of
    the first whose workload is known.
    """

    uuid: str
    cluster: str
    node: str
    index: int
    model: str
    pool: str | None
    state: GpuState
    utilization: float | None
    sm_active: float | None
    tensor_active: float | None
    memory_used_bytes: int | None
    memory_total_bytes: int | None
    unattributed_memory_bytes: int | None
    power_watts: float | None
    power_limit_watts: float | None
    temperature_celsius: float | None
    clock_events: list[ClockEvent] | None
    health: Health | None
    findings: list[str]
    recovery_action: str | None
    xids: list[GpuXid]
    xid_24h: XidKind
    """The worst that the driver reported in the last 24 h, and since the GPU's agent started."""
    migs: list[GpuMig]
    holders: list[GpuHolder]
    workload_id: str | None
    workload: str | None
    user: str | None
    namespace: str | None
    pod: str | None
    driver: str
    serial: str
    pci_bus_id: str
    sampled_at: datetime
    sample_age_seconds: float
    simulated: bool
