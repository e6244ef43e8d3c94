"""What a chart is about: which series of which clusters make which lines. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from controllers.domain.errors import NotFound
from controllers.domain.names import unknown
from portal.api.answer import BadQuery
from portal.api.fleet import Fleet, Reported
from portal.api.promql import Scope
from portal.api.shapes.workload import Row, row

BY = ("pool", "cluster")
ALL = "all"


@dataclass(frozen=True)
class Subject:
    """Named lines and their series; empty when there is nothing that could be drawn."""

    lines: dict[str, list[Scope]]
    each_gpu: bool = False
    """Draw the GPUs of the one line singly."""
    pods: list[Scope] = field(default_factory=list)
    """Only while a GPU was held by one of these pods."""

    def __bool__(self) -> bool:
        return any(self.lines.values())


def by_gpu(query: Mapping[str, str]) -> bool:
    """Whether single GPUs are needed to know what is meant."""
    return "gpu" in query or "node" in query


def subject(fleet: Fleet, query: Mapping[str, str]) -> Subject:
    """From the query's ``gpu``, ``workload``, ``node``, ``cluster`` and ``by``."""
    clusters = _clusters(fleet, query.get("cluster"))
    if "workload" in query:
        return _workload(fleet, query["workload"])
    if "gpu" in query:
        return _gpu(clusters, query["gpu"])
    if "node" in query:
        return _node(clusters, query["node"])
    by = query.get("by") or ALL
    if by == "pool":
        return Subject(_by_pool(clusters))
    if by == "cluster":
        return Subject({r.cluster.name: [Scope(r.cluster.id)] for r in clusters})
    if by != ALL:
        raise BadQuery("by", str(unknown("by", by[:40], BY)))
    return Subject({ALL: [Scope(r.cluster.id) for r in clusters]})


def _clusters(fleet: Fleet, names: str | None) -> list[Reported]:
    if not names:
        return fleet.clusters
    wanted = names.split(",")
    # Of a name that was given twice, the cluster that is there; by its id, one that was removed.
    known = {r.cluster.id: r for r in fleet.removed}
    known |= {r.cluster.name: r for r in (*reversed(fleet.removed), *fleet.clusters)}
    for name in wanted:
        if name not in known:
            raise NotFound(f"there is no cluster {name!r}")
    return [known[name] for name in wanted]


def _by_pool(clusters: list[Reported]) -> dict[str, list[Scope]]:
    """A line a pool; nodes of none make the line "no pool"."""
    lines: dict[str, list[Scope]] = {}
    for reported in clusters:
        members: dict[str, list[str]] = {}
        for node in reported.nodes:
            members.setdefault(node.pool or "no pool", []).append(node.name)
        for pool, nodes in members.items():
            whole = len(members) == 1
            scope = Scope(reported.cluster.id, one_of={} if whole else {"node": nodes})
            lines.setdefault(pool, []).append(scope)
    return dict(sorted(lines.items()))


def _node(clusters: list[Reported], name: str) -> Subject:
    on = [r for r in clusters if name in r.pool_of or name in r.gpus_on]
    if not on:
        raise NotFound(f"there is no node {name!r}")
    return Subject({name: [Scope(r.cluster.id, {"node": name}) for r in on]}, each_gpu=True)


def _gpu(clusters: list[Reported], uuid: str) -> Subject:
    on = [r for r in clusters if any(gpu.uuid == uuid for gpu in r.gpus)]
    if not on:
        raise NotFound(f"there is no GPU {uuid!r}")
    return Subject({uuid: [Scope(r.cluster.id, {"uuid": uuid}) for r in on]}, each_gpu=True)


def _workload(fleet: Fleet, workload_id: str) -> Subject:
    found = row(fleet, workload_id)
    if found is None:
        raise NotFound(f"there is no workload {workload_id!r}")
    if found.seen is None or found.reported is None:
        return Subject({})
    tenant = found.reported.cluster.id
    return Subject({fleet.called(found.seen): [Scope(tenant)]}, True, [_pods(found, tenant)])


def _pods(found: Row, tenant: str) -> Scope:
    names = [pod.name for pod in found.seen.members] if found.seen else []
    namespace = found.seen.namespace if found.seen else ""
    return Scope(tenant, {"namespace": namespace}, {"pod": names})
