"""A workload as the API shows it: what was asked for, joined with what is seen of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from controllers.domain.gpu import Gpu, Holder
from controllers.domain.workload import (
    FINISHED,
    HOLDING,
    Intent,
    Reason,
    State,
    Workload,
    WorkloadSpec,
)
from controllers.store.states import VANISHED
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.values import age, mean, moment, total_bytes
from portal.auth.identity import Caller
from portal.schemas import PodOut, ReasonOut, WorkloadOut


@dataclass(frozen=True)
class Row:
    """One workload from its one or two sources; at least one of them is there."""

    id: str
    intent: Intent | None
    seen: Workload | None
    reported: Reported | None
    """The cluster that has it, or that it was sent to."""

    @property
    def cluster(self) -> str | None:
        """The name of that cluster."""
        return self.reported.cluster.name if self.reported else None

    @property
    def source(self) -> Workload | WorkloadSpec:
        """What is seen of it, else what was asked for."""
        source = self.seen or (self.intent.spec if self.intent else None)
        if source is None:
            raise ValueError(f"workload {self.id} has no source")
        return source

    @property
    def submitted_at(self) -> float | None:
        """When it was asked for, here or in its cluster."""
        if self.intent:
            return self.intent.submitted_at
        return self.seen.submitted_at if self.seen else None


def rows(fleet: Fleet) -> Iterator[Row]:
    """Every workload once."""
    met = set()
    for reported in (*fleet.clusters, *fleet.removed):
        for seen in reported.workloads:
            met.add(seen.id)
            yield Row(seen.id, fleet.intents.get(seen.id), seen, reported)
    for intent in fleet.intents.values():
        if intent.id not in met:
            yield Row(intent.id, intent, None, sent_to(fleet, intent))


def row(fleet: Fleet, workload_id: str) -> Row | None:
    """The workload of that id."""
    return next((each for each in rows(fleet) if each.id == workload_id), None)


def sent_to(fleet: Fleet, intent: Intent) -> Reported | None:
    """The cluster that the hub chose for it."""
    known = (*fleet.clusters, *fleet.removed)
    chosen = (r for r in known if intent.cluster in (r.cluster.id, r.cluster.name))
    return next(chosen, None) if intent.cluster else None


def state(each: Row) -> State:
    """Where it stands; a wish to stop shows at once."""
    stopping = each.intent is not None and each.intent.stop_requested_at is not None
    if each.seen is not None:
        return "Stopping" if stopping and each.seen.state not in FINISHED else each.seen.state
    if each.intent is not None and each.intent.refusal:
        return "Invalid"
    return "Stopped" if stopping else "Submitted"


def reason(each: Row) -> Reason | None:
    """Why it waits or ended, as far as it is known."""
    if each.seen is not None:
        return None if _went_as_asked(each) else each.seen.reason
    if each.intent is None:
        return None
    if each.intent.refusal:
        return Reason("REFUSED", each.intent.refusal)
    if each.intent.stop_requested_at is not None:
        return None
    if each.intent.cluster is None:
        return Reason("NOT_SENT", each.intent.waiting or "No cluster was chosen for it yet.")
    name = each.reported.cluster.name if each.reported else each.intent.cluster
    return Reason("SENT", f"Sent to cluster {name}, which has not reported it yet.")


def _went_as_asked(each: Row) -> bool:
    """Whether its object is gone because somebody pressed Stop, which is no news to them."""
    stopped = each.intent is not None and each.intent.stop_requested_at is not None
    return stopped and each.seen is not None and each.seen.reason == VANISHED


def stoppable(each: Row, caller: Caller) -> bool:
    """The hub made it, it has not ended, nobody stopped it yet, and it is the caller's to stop."""
    intent = each.intent
    if intent is None or intent.stop_requested_at is not None or state(each) in FINISHED:
        return False
    return caller.admin or intent.user == caller.name


def workload_out(fleet: Fleet, each: Row, caller: Caller) -> WorkloadOut:
    """The workload with the readings of its GPUs."""
    seen, asked = each.seen, each.intent
    source, held = each.source, _held(each)
    # Of a GPU that it shares, only what is its own.
    live = [
        gpu if len(gpu.holders) == 1 else mine for gpu, mine in held if gpu.up and fleet.fresh(gpu)
    ]
    reported, why = each.reported, reason(each)
    reported_at = reported.reported_at if reported and seen else None
    return WorkloadOut(
        id=each.id,
        name=fleet.called(seen) if seen else source.name,
        kind=seen.kind if seen else "Job",
        cluster=each.cluster,
        namespace=seen.namespace if seen else None,
        user=asked.user if asked else fleet.user_of(seen) if seen else None,
        group=source.group,
        project=source.project,
        pool=source.pool,
        level=source.level,
        state=state(each),
        reason=ReasonOut(code=why.code, message=why.message) if why else None,
        pods=source.pods,
        gpus_per_pod=source.gpus_per_pod,
        gpus=source.gpus,
        utilization=mean(one.utilization for one in live),
        memory_used_bytes=total_bytes(one.memory_used_bytes for one in live),
        submitted_at=moment(each.submitted_at),
        started_at=moment(seen.started_at if seen else None),
        finished_at=moment(seen.finished_at if seen else None),
        age_seconds=age(fleet.now, each.submitted_at),
        reported_at=moment(reported_at),
        report_age_seconds=age(fleet.now, reported_at),
        stoppable=stoppable(each, caller),
        simulated=any(gpu.simulated for gpu, _ in held) or _on_simulated_nodes(fleet, each),
        members=_members(each),
    )


def _held(each: Row) -> list[tuple[Gpu, Holder]]:
    """Only while it holds GPUs: a pod's name may be used again later."""
    if each.seen is None or each.reported is None or each.seen.state not in HOLDING:
        return []
    held, namespace = each.reported.held, each.seen.namespace
    return [one for pod in each.seen.members for one in held.get((namespace, pod.name), [])]


def _members(each: Row) -> list[PodOut]:
    if each.seen is None or each.reported is None:
        return []
    uuids: dict[str, list[str]] = {}
    for gpu, holder in _held(each):
        uuids.setdefault(holder.pod, []).append(gpu.uuid)
    return [
        PodOut(
            name=pod.name,
            node=pod.node,
            phase=pod.phase,
            gpus=pod.gpus,
            gpu_uuids=uuids.get(pod.name, []),
        )
        for pod in each.seen.members
    ]


def _on_simulated_nodes(fleet: Fleet, each: Row) -> bool:
    """It is there, or it waits for a pool that has no other."""
    if each.seen is None or each.reported is None or not each.seen.members:
        return each.source.pool in fleet.simulated_pools
    return any(pod.node in each.reported.simulated_nodes for pod in each.seen.members)
