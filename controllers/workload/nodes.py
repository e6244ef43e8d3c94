"""Nodes as the control plane and the decision see them. Pure."""

from collections import Counter
from collections.abc import Iterable

from controllers.domain.cluster import Node
from controllers.domain.policy import Policy
from controllers.scheduling.placement import held
from controllers.scheduling.pools import pool_of
from controllers.scheduling.snapshot import Room
from controllers.workload import seen
from controllers.workload.cache import View

SIMULATED = "neurox.io/simulated"


def bound(pods: Iterable[seen.Pod]) -> Counter[str]:
    """GPUs by node that pods hold, until they have ended, whoever made them."""
    taken: Counter[str] = Counter()
    for pod in pods:
        if pod.node and not pod.ended:
            taken[pod.node] += pod.gpus
    return taken


def nodes(view: View, policy: Policy) -> dict[str, Node]:
    """Every node that has or had GPUs, by name."""
    taken = bound(view.pods)
    return {
        node.name: Node(
            name=node.name,
            ready=node.ready,
            cordoned=node.cordoned,
            gpus=node.gpus,
            allocated=taken[node.name],
            pool=pool_of(node.labels, policy.pools),
            model=node.labels.get("nvidia.com/gpu.product"),
            kubelet_version=node.kubelet,
            simulated=node.labels.get(SIMULATED) == "true",
            reason=node.reason,
        )
        for node in view.nodes
        if node.ever
    }


def rooms(view: View, policy: Policy) -> tuple[Room, ...]:
    """What is free on each node of a pool, with room kept for gangs that are still starting."""
    taken = bound(view.pods)
    free = {node.name: node.gpus - taken[node.name] for node in view.nodes}
    for job, unbound in _starting(view):
        each = job.gpus_per_pod
        slots = {name: max(0, free.get(name, 0)) // each for name in job.placement}
        for name, pods in held(job.placement, slots, unbound).items():
            if name in free:
                free[name] -= pods * each
    return tuple(
        Room(
            node=node.name,
            pool=pool,
            gpus=node.gpus,
            free=max(0, free[node.name]),
            usable=node.ready and not node.cordoned,
        )
        for node in view.nodes
        if node.gpus and (pool := pool_of(node.labels, policy.pools)) is not None
    )


def _starting(view: View) -> list[tuple[seen.Job, int]]:
    """Released Jobs with pods that no node has taken yet, and how many those are."""
    placed: Counter[str] = Counter()
    for pod in view.pods:
        if pod.owner and pod.node and not pod.ended:
            placed[pod.owner[2]] += 1
    live = (job for job in view.jobs if not (job.suspended or job.outcome or job.deleting))
    rest = ((job, job.pods_left - placed[job.uid]) for job in live if job.placement)
    return [(job, unbound) for job, unbound in rest if unbound > 0]
