"""What the policy lets a workload be; the same for work from the hub and from kubectl."""

from dataclasses import dataclass

from controllers.domain.errors import Refused
from controllers.domain.names import unknown
from controllers.domain.policy import LEVELS, Policy, Project
from controllers.workload import seen


@dataclass(frozen=True)
class Claim:
    """Whom a workload says it belongs to."""

    project: str
    group: str
    pool: str
    level: str


MOST_GPUS = 1_000_000
LABELS = ("project", "group", "pool")
"""Labels, prefixed by neurox.io/, without which a Job cannot be queued."""


def claim_of(job: seen.Job, policy: Policy) -> Claim:
    """What a Job's labels say; raises Refused when one is missing."""
    missing = [f"{seen.OURS}{name}" for name in LABELS if not job.marks.get(name)]
    if missing:
        noun = "label" if len(missing) == 1 else "labels"
        raise Refused(
            "labels",
            f"The {noun} {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: "
            "labels cannot be added to a queued Job, so delete it and create it with them.",
        )
    projects = {project.name: project for project in policy.projects}
    project = projects.get(job.marks["project"])
    default = project.level_default if project else "normal"
    level = job.marks.get("level", default)
    return Claim(job.marks["project"], job.marks["group"], job.marks["pool"], level)


def check_policy(policy: Policy) -> None:
    """Refuse a policy that cannot be decided by, before it is in force."""
    for project in policy.projects:
        for level in (project.level_default, project.level_limit):
            if level not in LEVELS:
                raise unknown("level", level, LEVELS)
    for quota in policy.quotas:
        if not 0 <= quota.gpus <= MOST_GPUS:
            raise Refused(
                "quotas",
                f"the quota of group {quota.group!r} in pool {quota.pool!r} must be 0 to "
                f"{MOST_GPUS} GPUs, not {quota.gpus}",
            )


def check(claim: Claim, policy: Policy) -> Project:
    """The project it runs in; raises Refused when the policy does not allow the claim."""
    projects = {project.name: project for project in policy.projects}
    if claim.project not in projects:
        raise unknown("project", claim.project, projects)
    project = projects[claim.project]
    pools = {pool.name for pool in policy.pools}
    if claim.pool not in pools:
        raise unknown("pool", claim.pool, pools)
    if claim.pool not in project.pools:
        raise Refused("pool", f"project {project.name!r} may use {_names(project.pools, 'pool')}")
    if claim.group not in project.groups:
        raise Refused("group", f"project {project.name!r} is for {_names(project.groups, 'group')}")
    if claim.level not in LEVELS:
        raise unknown("level", claim.level, LEVELS)
    if LEVELS.index(claim.level) > LEVELS.index(project.level_limit):
        raise Refused(
            "level",
            f"level {claim.level!r} is above the limit {project.level_limit!r} of project "
            f"{project.name!r}",
        )
    return project


def check_namespace(project: Project, namespace: str, managed: frozenset[str]) -> None:
    """Refuse a namespace that is not the project's own or that we may not write to."""
    if namespace != project.namespace:
        raise Refused(
            "namespace",
            f"project {project.name!r} runs in namespace {project.namespace!r}, "
            f"not in {namespace!r}",
        )
    if namespace not in managed:
        raise Refused(
            "namespace",
            f"namespace {namespace!r} of project {project.name!r} is not managed in this "
            f"cluster; its owner can label it {seen.MANAGED}=true",
        )


def _names(names: tuple[str, ...], noun: str) -> str:
    return f"{noun}s {', '.join(sorted(names))} only" if names else f"no {noun} yet"
