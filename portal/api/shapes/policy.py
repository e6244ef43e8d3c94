"""Pools, groups, projects and quotas as the API shows them, with what they hold now."""

from collections.abc import Iterable

from controllers.domain.cluster import Node
from controllers.domain.policy import Group, NodePool, Project, Quota
from controllers.domain.workload import FINISHED, Workload
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.values import age, mean, moment
from portal.api.shapes.workload import Row, rows, state
from portal.schemas import GroupOut, PoolOut, ProjectOut, QuotaOut

WAITING = ("Submitted", "Queued")


def pool_nodes(fleet: Fleet, pool: str) -> list[tuple[Reported, Node]]:
    """The pool's nodes, each with its cluster.

    A pool that no cluster has heard of yet is taken to get the nodes that no other pool has.
    """
    every = [(reported, node) for reported in fleet.clusters for node in reported.nodes]
    inside = [(reported, node) for reported, node in every if node.pool == pool]
    return inside or [(reported, node) for reported, node in every if node.pool not in fleet.pools]


def guaranteed(quotas: Iterable[Quota], pool: str | None = None, group: str | None = None) -> int:
    """GPUs guaranteed in a pool, to a group, or both."""
    return sum(
        quota.gpus
        for quota in quotas
        if pool in (None, quota.pool) and group in (None, quota.group)
    )


def allocated(workloads: Iterable[Workload], **wanted: str) -> int:
    """GPUs of the workloads whose fields are as ``wanted``."""
    return sum(
        workload.gpus
        for workload in workloads
        if all(getattr(workload, field) == value for field, value in wanted.items())
    )


def unfinished(fleet: Fleet, field: str, value: str) -> list[Row]:
    """Workloads that have not ended and whose ``field`` is ``value``."""
    found = []
    for row in rows(fleet):
        if getattr(row.source, field) == value and state(row) not in FINISHED:
            found.append(row)
    return found


def waiting(fleet: Fleet, field: str, value: str) -> int:
    """How many of those wait for their GPUs."""
    return sum(state(row) in WAITING for row in unfinished(fleet, field, value))


def pool_out(fleet: Fleet, pool: NodePool) -> PoolOut:
    """The pool with the nodes that clusters report to be in it."""
    nodes = [(r, node) for r in fleet.clusters for node in r.nodes if node.pool == pool.name]
    live = [
        gpu
        for reported, node in nodes
        for gpu in reported.gpus_on.get(node.name, ())
        if gpu.up and fleet.fresh(gpu)
    ]
    oldest = fleet.oldest_report(reported for reported, _ in nodes)
    return PoolOut(
        name=pool.name,
        selector=pool.selector,
        description=pool.description,
        clusters=sorted({reported.cluster.name for reported, _ in nodes}),
        nodes=len(nodes),
        gpus=sum(node.gpus for _, node in nodes),
        gpus_allocated=sum(node.allocated for _, node in nodes),
        gpus_guaranteed=guaranteed(fleet.quotas.values(), pool=pool.name),
        models=sorted({node.model for _, node in nodes if node.model}),
        utilization=mean(gpu.utilization for gpu in live),
        queued=waiting(fleet, "pool", pool.name),
        reported_at=moment(oldest),
        report_age_seconds=age(fleet.now, oldest),
    )


def group_out(fleet: Fleet, group: Group) -> GroupOut:
    """The group with its members, guarantees and use."""
    projects, oldest = fleet.projects.values(), fleet.oldest_report()
    return GroupOut(
        name=group.name,
        description=group.description,
        members=[user.name for user in fleet.users if group.name in user.groups],
        projects=[project.name for project in projects if group.name in project.groups],
        gpus_guaranteed=guaranteed(fleet.quotas.values(), group=group.name),
        gpus_allocated=allocated(fleet.holding, group=group.name),
        queued=waiting(fleet, "group", group.name),
        reported_at=moment(oldest),
        report_age_seconds=age(fleet.now, oldest),
    )


def project_out(fleet: Fleet, project: Project) -> ProjectOut:
    """The project with its use."""
    oldest = fleet.oldest_report()
    holding = [workload for workload in fleet.holding if workload.project == project.name]
    return ProjectOut(
        name=project.name,
        groups=list(project.groups),
        pools=list(project.pools),
        namespace=project.namespace,
        level_default=project.level_default,
        level_limit=project.level_limit,
        description=project.description,
        gpus_allocated=allocated(holding),
        running=sum(workload.state == "Running" for workload in holding),
        queued=waiting(fleet, "project", project.name),
        reported_at=moment(oldest),
        report_age_seconds=age(fleet.now, oldest),
    )


def quota_out(fleet: Fleet, quota: Quota) -> QuotaOut:
    """The guarantee and how much of the pool the group holds; more than guaranteed is borrowed."""
    used = allocated(fleet.holding, pool=quota.pool, group=quota.group)
    oldest = fleet.oldest_report()
    return QuotaOut(
        pool=quota.pool,
        group=quota.group,
        gpus=quota.gpus,
        gpus_allocated=used,
        reported_at=moment(oldest),
        report_age_seconds=age(fleet.now, oldest),
    )
