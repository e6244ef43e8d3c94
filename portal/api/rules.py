"""What an admin's change of pools, groups, projects and quotas must keep true. Pure."""

from collections.abc import Iterable, Sequence

from controllers.domain.errors import Conflict, Refused
from controllers.domain.names import require_label, unknown
from controllers.domain.policy import LEVELS, Project, Quota
from portal.api.fleet import Fleet
from portal.api.shapes.policy import guaranteed, pool_nodes, unfinished
from portal.records import check_labels, require_name
from portal.schemas import PoolIn, ProjectIn

SHOWN = 5


def check_pool(name: str, pool: PoolIn) -> None:
    """A name that fits in a label, and a selector that Kubernetes would take."""
    require_name(name)
    check_labels("selector", pool.selector, "copy one from kubectl get nodes --show-labels")


def project_of(fleet: Fleet, name: str, asked: ProjectIn) -> Project:
    """The project that was asked for, if all it names exists."""
    require_name(name)
    require_label("namespace", asked.namespace)
    for group in asked.groups:
        if group not in fleet.groups:
            raise unknown("groups", group, fleet.groups)
    for pool in asked.pools:
        if pool not in fleet.pools:
            raise unknown("pools", pool, fleet.pools)
    for field in ("level_default", "level_limit"):
        if getattr(asked, field) not in LEVELS:
            raise unknown(field, getattr(asked, field), LEVELS)
    if LEVELS.index(asked.level_default) > LEVELS.index(asked.level_limit):
        raise Refused(
            "level_default",
            f"level_default {asked.level_default!r} is above level_limit {asked.level_limit!r}; "
            "lower the one or raise the other",
        )
    return Project(
        name=name,
        groups=tuple(dict.fromkeys(asked.groups)),
        pools=tuple(dict.fromkeys(asked.pools)),
        namespace=asked.namespace,
        level_default=asked.level_default,
        level_limit=asked.level_limit,
        description=asked.description,
    )


def check_quota(fleet: Fleet, asked: Quota, quotas: Iterable[Quota]) -> None:
    """The guarantees of a pool never exceed its GPUs."""
    if asked.pool not in fleet.pools:
        raise unknown("pool", asked.pool, fleet.pools)
    if asked.group not in fleet.groups:
        raise unknown("group", asked.group, fleet.groups)
    others = [q for q in quotas if q.pool == asked.pool and q.group != asked.group]
    taken, gpus = guaranteed(others), sum(node.gpus for _, node in pool_nodes(fleet, asked.pool))
    if asked.gpus and taken + asked.gpus > gpus:
        listed = ", ".join(f"{quota.group} {quota.gpus}" for quota in others if quota.gpus)
        held = f"{taken} are guaranteed to others ({listed})" if taken else "none is guaranteed yet"
        raise Refused(
            "gpus",
            f"pool {asked.pool!r} has {gpus} GPUs and {held}, so {asked.group!r} can be "
            f"guaranteed at most {max(0, gpus - taken)}, not {asked.gpus}",
        )


def refuse_if_used(noun: str, name: str, users: Sequence[str]) -> None:
    """Conflict that names who still uses the thing."""
    if users:
        shown = ", ".join(users[:SHOWN])
        more = f" and {len(users) - SHOWN} more" if len(users) > SHOWN else ""
        raise Conflict(f"{noun} {name!r} is in use by {shown}{more}; change or remove those first")


def users_of_pool(fleet: Fleet, pool: str) -> list[str]:
    """Projects, quotas and unfinished workloads that name the pool."""
    return [
        *(f"project {p.name}" for p in fleet.projects.values() if pool in p.pools),
        *(f"the quota of {q.group}" for q in fleet.quotas.values() if q.pool == pool),
        *(f"workload {row.id}" for row in unfinished(fleet, "pool", pool)),
    ]


def users_of_group(fleet: Fleet, group: str) -> list[str]:
    """Projects, quotas, accounts and unfinished workloads that name the group."""
    return [
        *(f"project {p.name}" for p in fleet.projects.values() if group in p.groups),
        *(f"the quota in {q.pool}" for q in fleet.quotas.values() if q.group == group),
        *(f"user {user.name}" for user in fleet.users if group in user.groups),
        *(f"workload {row.id}" for row in unfinished(fleet, "group", group)),
    ]


def users_of_project(fleet: Fleet, project: str) -> list[str]:
    """Unfinished workloads of the project."""
    return [f"workload {row.id}" for row in unfinished(fleet, "project", project)]
