"""Whether a cluster's report can be true; one that cannot must not reach the pages. Pure."""

from controllers.domain.cluster import Node, StateDelta
from controllers.domain.errors import Unreachable
from controllers.domain.times import is_time
from controllers.domain.workload import Workload

MOST_NODES = 10_000
MOST_WORKLOADS = 100_000
MOST_GPUS = 100_000
"""Of one node."""


def require_sound(delta: StateDelta) -> None:
    """Unreachable when the report is of no use: its sender is broken, or means harm."""
    if len(delta.nodes) > MOST_NODES or len(delta.workloads) > MOST_WORKLOADS:
        raise Unreachable(
            f"it reports {len(delta.nodes)} nodes and {len(delta.workloads)} workloads at once; "
            f"at most {MOST_NODES} and {MOST_WORKLOADS} are taken"
        )
    if not is_time(delta.observed_at):
        raise Unreachable("its report bears no time")
    for name, node in delta.nodes.items():
        if node is not None and not _sound_node(name, node):
            raise Unreachable(f"what it reports of node {name[:64]!r} cannot be")
    for name, workload in delta.workloads.items():
        if workload is not None and not _sound_workload(name, workload):
            raise Unreachable(f"what it reports of workload {name[:64]!r} cannot be")


def _sound_node(name: str, node: Node) -> bool:
    return node.name == name and 0 <= node.gpus <= MOST_GPUS and node.allocated >= 0


def _sound_workload(name: str, workload: Workload) -> bool:
    times = (workload.submitted_at, workload.started_at, workload.finished_at)
    sizes = (workload.pods, workload.gpus_per_pod)
    return (
        workload.id == name
        and all(at is None or is_time(at) for at in times)
        and all(0 <= size < 2**63 for size in sizes)
    )
