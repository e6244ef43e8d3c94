"""A GPU at its last sample, and who has it. ``None`` is unknown or not supported, never zero.

Ratios are 0 to 1, times epoch seconds. Sums of a pod count from the start of the GPU's agent.
"""

from dataclasses import dataclass

NOT_GIVEN = "none"
"""The mode of a pod that uses a GPU which the kubelet never gave it."""


@dataclass(frozen=True)
class Holder:
    """A pod that was given a GPU or a part of it, and what it makes of it."""

    namespace: str
    pod: str
    container: str = ""
    mode: str = ""
    """exclusive, timeslice, mps, mig, dra or none; ``""`` is unknown."""
    mig_uuids: tuple[str, ...] = ()
    """Its MIG devices of this GPU."""
    utilization: float | None = None
    """Its share of the GPU's time."""
    memory_used_bytes: int | None = None
    busy_seconds: float | None = None
    energy_joules: float | None = None


@dataclass(frozen=True)
class Xid:
    """An error that the driver reported by its number, since the GPU's agent started."""

    code: int
    count: int
    last_at: float | None = None
    severity: str = ""
    cause: str = ""
    text: str = ""


@dataclass(frozen=True)
class MigDevice:
    """A part of a GPU that the kubelet hands out by itself; readings are of its GPU instance."""

    uuid: str
    gi: int
    ci: int
    profile: str
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    sm_active: float | None = None
    tensor_active: float | None = None


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    uuid: str
    node: str
    index: int
    model: str
    sampled_at: float
    up: bool = True
    utilization: float | None = None
    sm_active: float | None = None
    tensor_active: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    unattributed_memory_bytes: int | None = None
    """Used, and by no pod that is known."""
    power_watts: float | None = None
    power_limit_watts: float | None = None
    temperature_celsius: float | None = None
    clock_events: tuple[str, ...] | None = None
    """What holds the clocks back now."""
    xids: tuple[Xid, ...] = ()
    """The last first."""
    health: int | None = None
    """The worst of its checks: 0 good, 1 worth a look, 2 failed."""
    findings: tuple[str, ...] = ()
    """Checks that are not good, the worst first."""
    recovery_action: int | None = None
    """What the driver asks for; 0 is nothing."""
    migs: tuple[MigDevice, ...] = ()
    holders: tuple[Holder, ...] = ()
    driver: str = ""
    serial: str = ""
    pci_bus_id: str = ""
    simulated: bool = False
