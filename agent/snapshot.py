"""What one pass of the sampler found, immutable: all that a scrape serves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.catalogue import Series


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


@dataclass(frozen=True)
class Gpu:
    """One GPU at one pass. Not up: lost, and ``values`` is empty."""

    identity: Identity
    up: bool
    values: Mapping[Series, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Process:
    """A process that holds memory of a GPU; the pid is the host's."""

    pid: int
    memory_bytes: int


@dataclass(frozen=True)
class Allocation:
    """A device that the kubelet gave to a container. ``mode``: exclusive, timeslice or mig."""

    uuid: str
    namespace: str
    pod: str
    container: str
    resource: str
    mode: str


@dataclass(frozen=True)
class PodMemory:
    """What the processes of one pod hold of one GPU."""

    uuid: str
    namespace: str
    pod: str
    memory_bytes: int


@dataclass(frozen=True)
class Usage:
    """Who uses the GPUs, by process lists. ``unattributed`` is bytes by uuid, no pod's."""

    pods: tuple[PodMemory, ...] = ()
    unattributed: Mapping[str, int] = field(default_factory=dict)
    unresolved_pids: int = 0


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
    kubelet_up: bool | None = None
    """None: no kubelet was named."""
    errors: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Failed calls since the start, by call and error."""
