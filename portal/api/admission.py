"""Whether a workload can be taken: each refusal names field, value, limit and next step. Pure."""

import re

from controllers.domain.errors import Refused
from controllers.domain.names import require_label, unknown
from controllers.domain.policy import LEVELS, Project
from controllers.domain.workload import WorkloadSpec
from portal.api.fleet import Fleet
from portal.api.shapes.policy import pool_nodes
from portal.auth.identity import Caller
from portal.schemas import RUNTIME_MOST, WorkloadIn

COMMAND_MOST = 64
TEXT_MOST = 4096
ANNOTATIONS_MOST = 32

_IMAGE = re.compile(r"[a-zA-Z0-9][\w./:@-]{0,511}")
_ANNOTATION = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}\w)?")
_RESERVED = ("kubernetes.io", "k8s.io")


def admit(fleet: Fleet, caller: Caller, asked: WorkloadIn) -> WorkloadSpec:
    """The workload with its defaults filled in; Refused says why it cannot be taken."""
    require_label("name", asked.name)
    project = fleet.projects.get(asked.project)
    if project is None:
        raise unknown("project", asked.project, fleet.projects)
    pool = _pool(fleet, project, asked.pool)
    _check_size(fleet, pool, asked)
    _check_container(asked)
    return WorkloadSpec(
        name=asked.name,
        project=project.name,
        group=_group(fleet, project, caller, asked.group),
        pool=pool,
        pods=asked.pods,
        gpus_per_pod=asked.gpus_per_pod,
        level=_level(project, asked.level),
        image=asked.image,
        command=tuple(asked.command),
        max_runtime_seconds=asked.max_runtime_seconds,
        annotations=dict(asked.annotations),
    )


def _group(fleet: Fleet, project: Project, caller: Caller, asked: str | None) -> str:
    allowed = ", ".join(project.groups) or "none"
    mine = [g for g in project.groups if caller.admin or g in caller.groups]
    if asked is None:
        if len(mine) == 1:
            return mine[0]
        if mine:
            raise Refused("group", f"group is needed here: choose one of {', '.join(mine)}")
        raise Refused(
            "group",
            f"you are in none of the groups of project {project.name!r} ({allowed}); ask an "
            "admin to add you to one, or choose another project",
        )
    if asked not in fleet.groups:
        raise unknown("group", asked, fleet.groups)
    if asked not in project.groups:
        raise Refused(
            "group",
            f"group {asked!r} is not one of project {project.name!r} (its groups: {allowed}); "
            "choose one of those",
        )
    if asked not in mine:
        yours = ", ".join(caller.groups) or "none"
        raise Refused(
            "group",
            f"you are not in group {asked!r} (your groups: {yours}); choose one of yours, or ask "
            "an admin to add you",
        )
    return asked


def _pool(fleet: Fleet, project: Project, asked: str | None) -> str:
    if asked is not None and asked not in fleet.pools:
        raise unknown("pool", asked, fleet.pools)
    if not project.pools:
        raise Refused(
            "pool", f"project {project.name!r} may use no pool yet; ask an admin to allow one"
        )
    if asked is not None and asked not in project.pools:
        allowed = ", ".join(project.pools)
        raise Refused(
            "pool",
            f"project {project.name!r} may not use pool {asked!r} (its pools: {allowed}); choose "
            "one of those, or ask an admin to allow it",
        )
    return asked or project.pools[0]


def _level(project: Project, asked: str | None) -> str:
    if asked is None:
        return project.level_default
    if asked not in LEVELS:
        raise unknown("level", asked, LEVELS)
    if LEVELS.index(asked) > LEVELS.index(project.level_limit):
        raise Refused(
            "level",
            f"level {asked!r} is above the limit {project.level_limit!r} of project "
            f"{project.name!r}; choose {project.level_limit!r} or a lower one",
        )
    return asked


def _check_size(fleet: Fleet, pool: str, asked: WorkloadIn) -> None:
    for field in ("pods", "gpus_per_pod"):
        if getattr(asked, field) < 1:
            value = getattr(asked, field)
            raise Refused(field, f"{field} must be at least 1, not {value}; leave it out for 1")
    nodes = pool_nodes(fleet, pool)
    largest = max((node.gpus for _, node in nodes), default=0)
    if not largest:
        raise Refused("pool", f"pool {pool!r} has no GPUs now; choose another or join a cluster")
    if asked.gpus_per_pod > largest:
        raise Refused(
            "gpus_per_pod",
            f"gpus_per_pod {asked.gpus_per_pod} is more than the {largest} GPUs of the largest "
            f"node in pool {pool!r}; ask for at most {largest} and for more pods",
        )
    per_cluster: dict[str, int] = {}
    for reported, node in nodes:
        # Pods of a gang cannot share what is left over on a node: only whole pods count.
        fits = node.gpus // asked.gpus_per_pod
        per_cluster[reported.cluster.name] = per_cluster.get(reported.cluster.name, 0) + fits
    cluster, most = max(per_cluster.items(), key=lambda each: each[1])
    if asked.pods > most:
        raise Refused(
            "pods",
            f"pods {asked.pods} with {asked.gpus_per_pod} GPUs each are more than fit in pool "
            f"{pool!r}: its largest cluster {cluster!r} holds {most} of them; ask for at most "
            f"{most} pods",
        )


def _check_container(asked: WorkloadIn) -> None:
    if not _IMAGE.fullmatch(asked.image):
        raise Refused("image", f"image {asked.image[:80]!r} is not an image name like busybox:1.36")
    if len(asked.command) > COMMAND_MOST or any(len(a) > TEXT_MOST for a in asked.command):
        raise Refused(
            "command",
            f"command has {len(asked.command)} words; at most {COMMAND_MOST} of {TEXT_MOST} "
            "characters are taken: put a longer one into the image",
        )
    runtime = asked.max_runtime_seconds
    if runtime is not None and not 1 <= runtime <= RUNTIME_MOST:
        raise Refused(
            "max_runtime_seconds",
            f"max_runtime_seconds must be 1 to {RUNTIME_MOST}, not {runtime}; leave it out for "
            "no limit",
        )
    _check_annotations(asked.annotations)


def _check_annotations(annotations: dict[str, str]) -> None:
    if len(annotations) > ANNOTATIONS_MOST:
        count = len(annotations)
        raise Refused("annotations", f"annotations: {count} are given, {ANNOTATIONS_MOST} taken")
    for key, value in annotations.items():
        domain = key.partition("/")[0] if "/" in key else ""
        if not _ANNOTATION.fullmatch(key) or len(value) > TEXT_MOST:
            raise Refused(
                "annotations",
                f"annotation {key[:80]!r} is not a Kubernetes annotation of at most {TEXT_MOST} "
                "characters",
            )
        if any(domain == each or domain.endswith("." + each) for each in _RESERVED):
            raise Refused(
                "annotations",
                f"annotation {key[:80]!r} belongs to Kubernetes itself; use a domain of your own",
            )
