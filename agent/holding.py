"""Who is on a GPU: given it by the kubelet, and using it by its processes. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from agent.pods import Pod
from agent.snapshot import Allocation, Gpu, Process

NOBODY: Pod = ("", "")
"""Stands for whoever no pod explains: processes of the host, and ones already gone."""


@dataclass(frozen=True)
class Instance:
    """A GPU instance under MIG, and in which parts it is whose."""

    gi: int
    weight: float
    """Its compute slices, of the whole GPU's."""
    parts: Mapping[Pod, float]


@dataclass(frozen=True)
class Holding:
    """One GPU between two changes. Memory is that of the last process list."""

    holders: frozenset[Pod] = frozenset()
    memory: Mapping[Pod, int] = field(default_factory=dict)
    """What the processes of each pod hold; of NOBODY too."""
    memory_told: bool = True
    """Whether the driver told it of every process."""
    processes: Mapping[Pod, int] = field(default_factory=dict)
    owners: Mapping[int, Pod] = field(default_factory=dict)
    """By pid."""
    mps: frozenset[int] = frozenset()
    """Pids of MPS clients and of their server, which works for them."""
    clients: Mapping[Pod, int] = field(default_factory=dict)
    """Memory of MPS clients by pod."""
    instances: tuple[Instance, ...] = ()

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """Whoever was given the GPU or uses it, in order."""
        return tuple(sorted({*self.holders, *self.processes} - {NOBODY}))

    @cached_property
    def held(self) -> dict[Pod, int]:
        """Memory by pod."""
        return {pod: size for pod, size in self.memory.items() if pod != NOBODY}

    @cached_property
    def held_bytes(self) -> int:
        """Of all pods together."""
        return sum(self.held.values())

    @cached_property
    def sole(self) -> Pod | None:
        """The one pod on the GPU, if nobody else is; then all is its own, and needs no pids."""
        alone = len(self.pods) == 1 and NOBODY not in self.processes
        return self.pods[0] if alone else None

    @cached_property
    def bearer(self) -> Pod | None:
        """Who bears the idle power: the one pod that was given the GPU."""
        return next(iter(self.holders)) if len(self.holders) == 1 else None


def holding(
    gpu: Gpu,
    given: Sequence[Allocation],
    processes: Sequence[Process],
    owners: Mapping[int, Pod],
    servers: frozenset[int],
) -> Holding:
    """Both sources put together; ``servers`` are MPS servers, ``owners`` are by pid."""
    memory: Counter[Pod] = Counter()
    count: Counter[Pod] = Counter()
    clients: Counter[Pod] = Counter()
    for process in processes:
        pod = owners.get(process.pid, NOBODY)
        memory[pod] += process.memory_bytes or 0
        count[pod] += 1
        if process.kind == "mps":
            clients[pod] += process.memory_bytes or 0
    return Holding(
        holders=frozenset((one.namespace, one.pod) for one in given),
        memory=memory,
        memory_told=all(process.memory_bytes is not None for process in processes),
        processes=count,
        owners=owners,
        mps=servers.union(process.pid for process in processes if process.kind == "mps"),
        clients=clients,
        instances=tuple(_instances(gpu, given, processes, owners)),
    )


def _instances(
    gpu: Gpu,
    given: Sequence[Allocation],
    processes: Sequence[Process],
    owners: Mapping[int, Pod],
) -> Iterable[Instance]:
    for instance in gpu.migs:
        uuids = {device.uuid for device in instance.devices}
        holders = [(one.namespace, one.pod) for one in given if one.mig_uuid in uuids]
        memory: Counter[Pod] = Counter(dict.fromkeys(holders, 0))
        for process in processes:
            if process.gi == instance.gi:
                memory[owners.get(process.pid, NOBODY)] += process.memory_bytes or 0
        yield Instance(instance.gi, instance.slices / gpu.slices, by_memory(memory))


def by_memory(memory: Mapping[Pod, int]) -> dict[Pod, float]:
    """Parts in proportion to the memory held; even ones where nobody holds any."""
    total = sum(memory.values())
    if total:
        return {pod: held / total for pod, held in memory.items() if held}
    return dict.fromkeys(memory, 1 / len(memory)) if memory else {}
