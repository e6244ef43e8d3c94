"""Which cluster a workload goes to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from controllers.domain.cluster import Node
from controllers.domain.workload import Intent, Workload, WorkloadSpec
from controllers.store.states import ClusterMeta

FRESH_SECONDS = 45.0
"""A cluster that was silent for longer gets nothing new."""


@dataclass(frozen=True)
class Candidate:
    """What counts of a cluster, GPUs by pool. ``widest`` is the GPUs of a pool's largest node."""

    cluster: str
    name: str
    fresh: bool
    namespaces: frozenset[str] = frozenset()
    total: Mapping[str, int] = field(default_factory=dict)
    widest: Mapping[str, int] = field(default_factory=dict)
    free: Mapping[str, int] = field(default_factory=dict)
    queued: Mapping[str, int] = field(default_factory=dict)

    def with_one_more(self, spec: WorkloadSpec) -> "Candidate":
        """The cluster once it has the workload, before it reports so."""
        free = dict(self.free) | {spec.pool: self.free.get(spec.pool, 0) - spec.gpus}
        queued = dict(self.queued) | {spec.pool: self.queued.get(spec.pool, 0) + 1}
        return replace(self, free=free, queued=queued)


@dataclass(frozen=True)
class Choice:
    """A cluster's id, or None and the sentence that says why."""

    cluster: str | None
    waiting: str | None = None


def candidate(
    cluster: str, name: str, meta: ClusterMeta | None, nodes: list[Node], now: float
) -> Candidate:
    """What counts of a cluster's report at ``now``."""
    if meta is None:
        return Candidate(cluster, name, fresh=False)
    total: dict[str, int] = {}
    widest: dict[str, int] = {}
    free: dict[str, int] = {}
    for node in nodes:
        if node.pool is None:
            continue
        total[node.pool] = total.get(node.pool, 0) + node.gpus
        widest[node.pool] = max(widest.get(node.pool, 0), node.gpus)
        usable = node.gpus - node.allocated if node.ready and not node.cordoned else 0
        free[node.pool] = free.get(node.pool, 0) + usable
    fresh = now - meta.received_at <= FRESH_SECONDS
    return Candidate(cluster, name, fresh, frozenset(meta.namespaces), total, widest, free)


def loaded(one: Candidate, workloads: Iterable[Workload], sent: Iterable[Intent] = ()) -> Candidate:
    """The candidate with its queue, and with what was sent there and is not yet reported."""
    known = set()
    queued: dict[str, int] = {}
    for workload in workloads:
        known.add(workload.id)
        if workload.state == "Queued" and workload.pool is not None:
            queued[workload.pool] = queued.get(workload.pool, 0) + 1
    one = replace(one, queued=queued)
    for intent in sent:
        if intent.cluster == one.cluster and intent.id not in known:
            one = one.with_one_more(intent.spec)
    return one


def choose(spec: WorkloadSpec, namespace: str, candidates: Iterable[Candidate]) -> Choice:
    """The fresh cluster with room: most free GPUs first, then the shortest queue, then by name."""
    everyone = list(candidates)
    fresh = [one for one in everyone if one.fresh]
    if not fresh:
        silent = ", ".join(sorted(one.name for one in everyone))
        return Choice(None, f"no report from {silent} for 45 s" if silent else "no cluster joined")
    pooled = [one for one in fresh if one.total.get(spec.pool, 0)]
    if not pooled:
        return Choice(None, f"no connected cluster has nodes of pool {spec.pool!r}")
    open_to = [one for one in pooled if namespace in one.namespaces]
    if not open_to:
        return Choice(None, f"no cluster with pool {spec.pool!r} manages namespace {namespace!r}")
    large = [one for one in open_to if _fits(spec, one)]
    if not large:
        return Choice(None, _too_large(spec, open_to))
    best = min(large, key=lambda one: _order(spec.pool, one))
    return Choice(best.cluster)


def _fits(spec: WorkloadSpec, one: Candidate) -> bool:
    return spec.gpus <= one.total[spec.pool] and spec.gpus_per_pod <= one.widest[spec.pool]


def _order(pool: str, one: Candidate) -> tuple[int, int, str]:
    return (-one.free.get(pool, 0), one.queued.get(pool, 0), one.name)


def _too_large(spec: WorkloadSpec, candidates: list[Candidate]) -> str:
    widest = max(one.widest[spec.pool] for one in candidates)
    if spec.gpus_per_pod > widest:
        return f"a pod asks for {spec.gpus_per_pod} GPUs; the largest node has {widest}"
    total = max(one.total[spec.pool] for one in candidates)
    return f"asks for {spec.gpus} GPUs; pool {spec.pool!r} has {total} in one cluster at most"
