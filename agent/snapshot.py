"""What one pass of the sampler found, immutable: all that a scrape serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.catalogue import Series, Values

_FOUR_SLICES = ("A30", "RTX PRO")
_MIG_ACTIVITY: tuple[Series, ...] = (
    ("neurox_mig_sm_active_ratio", ()),
    ("neurox_mig_graphics_active_ratio", ()),
)
"""How busy a GPU instance is, by the first of these that it tells."""


@dataclass(frozen=True)
class Identity:
    """Who a GPU is. ``""`` is unknown or not supported; ``index`` is NVML's."""

    index: int
    uuid: str = ""
    model: str = ""
    architecture: str = ""
    pci_bus_id: str = ""
    minor: str = ""
    serial: str = ""
    vbios: str = ""
    mig: str = ""
    """``"enabled"`` or ``"disabled"``; ``""`` where MIG does not exist."""


@dataclass(frozen=True)
class MigDevice:
    """A compute instance, as the kubelet hands it out."""

    uuid: str
    gi: int
    ci: int
    profile: str
    """As in ``1g.10gb``."""


@dataclass(frozen=True)
class MigInstance:
    """A GPU instance of a GPU: what its compute instances share. ``values``: of scope mig."""

    gi: int
    slices: int
    """Compute slices of it."""
    devices: tuple[MigDevice, ...] = ()
    values: Values = field(default_factory=dict)

    @property
    def activity(self) -> float | None:
        """How busy it is, 0 to 1; None: it does not tell."""
        return next(
            (self.values[series] for series in _MIG_ACTIVITY if series in self.values), None
        )


@dataclass(frozen=True)
class Gpu:
    """One GPU at one pass. ``values``: of scope gpu; not up: only its XIDs and health."""

    identity: Identity
    up: bool
    values: Values = field(default_factory=dict)
    migs: tuple[MigInstance, ...] = ()

    @property
    def slices(self) -> int:
        """Into how many compute slices it can be cut."""
        most = 4 if any(name in self.identity.model for name in _FOUR_SLICES) else 7
        return max(most, sum(instance.slices for instance in self.migs))


@dataclass(frozen=True)
class Process:
    """A process that holds memory of a GPU; the pid is the agent's pid namespace's."""

    pid: int
    memory_bytes: int | None
    """None: the driver does not tell."""
    kind: str = "compute"
    """compute, mps (a client of the MPS server) or graphics."""
    gi: int | None = None
    """The GPU instance, where MIG is on."""


@dataclass(frozen=True)
class GpuUse:
    """A GPU and who is on it, as attribution needs it."""

    gpu: Gpu
    processes: tuple[Process, ...] | None = None
    """Of the last list; None: the driver does not tell."""
    activity: Mapping[int, float] | None = None
    """Share of the GPU's time by pid, averaged since the last pass, 0 to 1. None: not asked for."""
    utilization: float | None = None
    """The GPU's own, by the driver's samples since the last pass, 0 to 1. None: not told."""


@dataclass(frozen=True)
class Allocation:
    """A device that the kubelet gave to a container; ``uuid`` is the GPU's, of a MIG device too.

    ``mode``: exclusive, timeslice, mps, mig, dra or none.
    """

    uuid: str
    namespace: str
    pod: str
    container: str
    resource: str
    mode: str
    mig_uuid: str = ""
    pod_uid: str = ""


class PodUse(NamedTuple):
    """What one pod has of one GPU. ``values``: of scope pod. Hundreds are made each second."""

    uuid: str
    namespace: str
    pod: str
    values: Values


@dataclass(frozen=True)
class Usage:
    """Who uses the GPUs. ``gpus`` holds by uuid what no pod explains, of scope gpu."""

    pods: tuple[PodUse, ...] = ()
    gpus: Mapping[str, Values] = field(default_factory=dict)
    unresolved_pids: int | None = None
    """None: processes cannot be seen."""
    allocations: tuple[Allocation, ...] = ()
    """By uuid; also of pods that use a GPU without having been given it (mode none)."""
    agent: Values = field(default_factory=dict)
    """Of scope node: how well the sources of all this answer."""


@dataclass(frozen=True)
class Snapshot:
    """One pass. ``taken_at`` is time.monotonic(); ``problem`` says why there is no driver."""

    taken_at: float
    driver: str = ""
    cuda: str = ""
    gpus: tuple[Gpu, ...] = ()
    problem: str | None = None
    usage: Usage = Usage()
    allocations: tuple[Allocation, ...] = ()
    agent: Values = field(default_factory=dict)
    """Of scope node: the agent about itself. Its age is told when it is served."""
