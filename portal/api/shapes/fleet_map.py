"""The fleet map: every GPU of a small fleet, every node of a large one."""

from collections import Counter
from collections.abc import Iterable

from controllers.domain.gpu import Gpu
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.gpu import state
from portal.api.shapes.values import mean
from portal.schemas import GpuState, MapGpu, MapNode

GPUS_MOST = 512
"""With more GPUs than this the map shows nodes: squares too many to tell apart say nothing."""

Stated = tuple[Gpu, GpuState]


def stated(fleet: Fleet, reported: Reported) -> list[Stated]:
    """The cluster's GPUs, each with what it does now."""
    return [(gpu, state(gpu, fleet.fresh(gpu))) for gpu in reported.gpus]


def fleet_map(fleet: Fleet, seen: Iterable[tuple[Reported, list[Stated]]]) -> list[MapNode]:
    """The nodes of all clusters ``seen``, in the order in which people count."""
    every = list(seen)
    singly = sum(len(gpus) for _, gpus in every) <= GPUS_MOST
    found = []
    for reported, gpus in every:
        on: dict[str, list[Stated]] = {}
        for each in gpus:
            on.setdefault(each[0].node, []).append(each)
        found += [_node(fleet, reported, n, on[n], singly) for n in sorted(on, key=natural)]
    return found


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts ``gpu-2`` before ``gpu-10``."""
    parts = name.replace(".", "-").split("-")
    return [(int(p), "") if p.isdecimal() and p.isascii() else (-1, p) for p in parts]


def _node(fleet: Fleet, reported: Reported, name: str, gpus: list[Stated], singly: bool) -> MapNode:
    return MapNode(
        cluster=reported.cluster.name,
        name=name,
        utilization=mean(gpu.utilization for gpu, does in gpus if does not in ("stale", "fault")),
        states=Counter(does for _, does in gpus),
        gpus=[_gpu(fleet, reported, *each) for each in gpus] if singly else [],
    )


def _gpu(fleet: Fleet, reported: Reported, gpu: Gpu, does: GpuState) -> MapGpu:
    workload = reported.holding(gpu)
    return MapGpu(
        uuid=gpu.uuid,
        index=gpu.index,
        state=does,
        utilization=gpu.utilization if fleet.fresh(gpu) else None,
        workload=fleet.called(workload) if workload else None,
    )
