"""Workloads as the control plane sees them, made from Jobs and pods. Pure."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from controllers.domain.errors import Refused
from controllers.domain.policy import Policy
from controllers.domain.times import is_time
from controllers.domain.workload import Pod, Reason, State, Workload
from controllers.workload import rules, seen
from controllers.workload.cache import View

_ENDS = {"DeadlineExceeded": "MAX_RUNTIME", "BackoffLimitExceeded": "POD_FAILED"}


def steered(job: seen.Job, view: View) -> bool:
    """Whether the Job is ours to hold and release."""
    return job.namespace in view.managed


def with_departed(view: View, before: View) -> View:
    """The view, and those Jobs of the one before that are gone while their pods still hold GPUs.

    kubectl deletes a Job before its pods, or leaves them behind as nobody's: their GPUs stay
    charged to its group until the last pod is really gone.
    """
    owners = {pod.uid: pod.owner for pod in before.pods if pod.owner}
    pods = [
        msgspec.structs.replace(pod, owner=owners[pod.uid])
        if pod.owner is None and pod.uid in owners
        else pod
        for pod in view.pods
    ]
    here = {job.uid for job in view.jobs}
    holding = {pod.owner[2] for pod in pods if pod.owner and not pod.ended}
    gone = [
        msgspec.structs.replace(job, deleting=True)
        for job in before.jobs
        if job.uid in holding and job.uid not in here
    ]
    return replace(view, pods=pods, jobs=[*view.jobs, *gone])


def job_id(job: seen.Job) -> str:
    """The intent id for work from the hub, else the Job's own uid."""
    return job.marks.get("intent") or job.uid


def workloads(view: View, policy: Policy) -> dict[str, Workload]:
    """Every workload that asks for GPUs, by id; foreign ones only while they hold some."""
    ours = {job.uid: job for job in view.jobs if steered(job, view)}
    members: defaultdict[str, list[seen.Pod]] = defaultdict(list)
    others: list[seen.Pod] = []
    for pod in view.pods:
        if pod.owner and pod.owner[2] in ours:
            members[pod.owner[2]].append(pod)
        elif not pod.ended:
            others.append(pod)
    known: dict[str, Workload] = {}
    for uid, job in ours.items():
        work = _managed(job, members[uid], view, policy)
        # Two Jobs of one intent are two workloads: none may hide behind the other's id.
        if work.id in known:
            work = replace(work, id=uid)
        known[work.id] = work
    return known | _unmanaged(others)


def _managed(job: seen.Job, pods: list[seen.Pod], view: View, policy: Policy) -> Workload:
    level = job.marks.get("level", "normal")
    reason: Reason | None = None
    state = _state(job, pods)
    try:
        if not job.parallelism:
            raise Refused("parallelism", "the Job asks for no pod; delete it and create it anew")
        claim = rules.claim_of(job, policy)
        level = claim.level
        if policy.revision:
            project = rules.check(claim, policy)
            rules.check_namespace(project, job.namespace, view.managed)
    except Refused as refused:
        if state == "Queued":
            state, reason = "Invalid", Reason("INVALID", _sentence(refused))
    return Workload(
        id=job_id(job),
        uid=job.uid,
        namespace=job.namespace,
        kind="Job",
        name=job.name,
        state=state,
        pods=job.parallelism,
        gpus_per_pod=job.gpus_per_pod,
        user=job.notes.get("user") or job.marks.get("user"),
        group=job.marks.get("group"),
        project=job.marks.get("project"),
        pool=job.marks.get("pool"),
        level=level,
        reason=reason or _reason(job, state, pods),
        submitted_at=_submitted(job),
        started_at=job.started,
        finished_at=job.finished,
        members=_members(pods),
    )


def _state(job: seen.Job, pods: list[seen.Pod]) -> State:
    # First, for what has ended is deleted after a while, and has ended all the same.
    if job.outcome:
        return "Succeeded" if job.outcome == "Succeeded" else "Failed"
    if job.deleting:
        return "Stopping"
    if job.suspended:
        return "Queued"
    up = sum(1 for pod in pods if pod.phase in ("Running", "Succeeded"))
    return "Running" if up >= job.parallelism else "Starting"


def _reason(job: seen.Job, state: State, pods: list[seen.Pod]) -> Reason | None:
    if state == "Failed":
        return Reason(_ENDS.get(job.code, "FAILED"), job.message or "The Job failed.")
    unplaced = next((pod.message for pod in pods if pod.message and not pod.node), "")
    if state == "Starting" and unplaced:
        return Reason("NOT_PLACED", f"The scheduler has found no node yet: {unplaced}")
    return None


def _submitted(job: seen.Job) -> float | None:
    try:
        noted = float(job.notes["submitted-at"])
    except (KeyError, ValueError):
        return job.created
    return noted if is_time(noted) else job.created


def _members(pods: Iterable[seen.Pod]) -> tuple[Pod, ...]:
    ordered = sorted(pods, key=lambda pod: pod.name)
    return tuple(Pod(pod.name, pod.node, pod.phase, pod.gpus) for pod in ordered)


def _sentence(refused: Refused) -> str:
    text = str(refused).rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _unmanaged(pods: Iterable[seen.Pod]) -> dict[str, Workload]:
    """GPU pods that are not ours, by what made them; one workload has pods of one size."""
    sets: defaultdict[str, defaultdict[int, list[seen.Pod]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for pod in pods:
        sets[pod.owner[2] if pod.owner else pod.uid][pod.gpus].append(pod)
    found = {}
    for uid, sizes in sets.items():
        for number, gpus in enumerate(sorted(sizes)):
            work = _foreign(uid if not number else f"{uid}-{gpus}", uid, sizes[gpus])
            found[work.id] = work
    return found


def _foreign(name: str, uid: str, pods: list[seen.Pod]) -> Workload:
    first = min(pods, key=lambda pod: pod.name)
    kind, owner = (first.owner[0], first.owner[1]) if first.owner else ("Pod", first.name)
    if kind == "ReplicaSet" and first.template and owner.endswith(f"-{first.template}"):
        kind, owner = "Deployment", owner.removesuffix(f"-{first.template}")
    begun = [pod.created for pod in pods if pod.created is not None]
    running = all(pod.phase == "Running" for pod in pods)
    return Workload(
        id=name,
        uid=uid,
        namespace=first.namespace,
        kind=kind,
        name=owner,
        state="Running" if running else "Starting",
        pods=len(pods),
        gpus_per_pod=first.gpus,
        submitted_at=min(begun, default=None),
        started_at=min(begun, default=None),
        members=_members(pods),
        managed=False,
    )
