"""The snapshot a decision is made from, out of nodes and workloads. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controllers.domain.policy import LEVELS, Policy
from controllers.domain.workload import HOLDING, Workload
from controllers.scheduling.snapshot import Queued, Snapshot, Started
from controllers.workload.cache import View
from controllers.workload.nodes import rooms


@dataclass(frozen=True)
class Setback:
    """A start that went wrong: how often in a row, when it may be tried again, and why."""

    times: int
    until: float
    cause: str


def snapshot(
    view: View,
    known: Iterable[Workload],
    policy: Policy,
    setbacks: Mapping[str, Setback],
) -> Snapshot:
    """One cluster at one moment, as ``decide`` wants it."""
    pods_left = {job.uid: 0 if job.suspended else job.pods_left for job in view.jobs}
    ours = [work for work in known if work.managed and work.pool and work.group]
    return Snapshot(
        rooms=rooms(view, policy),
        queued=tuple(
            _queued(work, setbacks.get(work.uid)) for work in ours if work.state == "Queued"
        ),
        started=tuple(
            _started(work, pods_left.get(work.uid, work.pods))
            for work in ours
            if work.state in HOLDING
        ),
    )


def _queued(work: Workload, setback: Setback | None) -> Queued:
    return Queued(
        id=work.id,
        user=work.user or "",
        group=work.group or "",
        pool=work.pool or "",
        level=_level(work),
        pods=work.pods,
        gpus_per_pod=work.gpus_per_pod,
        submitted_at=work.submitted_at or 0.0,
        not_before=setback.until if setback else 0.0,
        cause=setback.cause if setback else "",
    )


def _started(work: Workload, pods_left: int) -> Started:
    return Started(
        id=work.id,
        user=work.user or "",
        group=work.group or "",
        pool=work.pool or "",
        level=_level(work),
        gpus=pods_left * work.gpus_per_pod,
        started_at=work.started_at or 0.0,
    )


def _level(work: Workload) -> int:
    return LEVELS.index(work.level) if work.level in LEVELS else LEVELS.index("normal")
