"""Workloads."""

import time
import uuid

from apiflask import APIBlueprint
from flask import Response, request
from werkzeug.exceptions import BadRequest, Forbidden

from controllers.domain.errors import Conflict, NotFound
from controllers.domain.workload import FINISHED, Intent, WorkloadSpec
from portal.api import fleet
from portal.api.access import caller
from portal.api.admission import admit
from portal.api.answer import answer, dry_run
from portal.api.listing import Noun, listing
from portal.api.shapes.workload import Row, row, rows, state, workload_out
from portal.api.stores import stores
from portal.schemas import Page, WorkloadIn, WorkloadOut

bp = APIBlueprint("workloads", __name__, tag="Workloads")
FILTERS = ("cluster", "pool", "project", "group", "user", "state", "level", "kind", "namespace")
WORKLOADS = Noun("workloads", WorkloadOut, ("id",), FILTERS, "-submitted_at")
KEY_MOST = 200


@bp.get("/workloads")
@bp.output(Page[WorkloadOut])
def list_workloads() -> Response:
    """Every workload, newest first: submitted here or found in a cluster."""
    seen, who = fleet.read(stores(), removed=True), caller()
    return listing(WORKLOADS, (workload_out(seen, each, who) for each in rows(seen)))


@bp.get("/workloads/<workload_id>")
@bp.output(WorkloadOut)
def get_workload(workload_id: str) -> Response:
    """One workload."""
    seen = fleet.read(stores(), removed=True)
    return answer(workload_out(seen, _row(seen, workload_id), caller()))


@bp.post("/workloads")
@bp.input(WorkloadIn, arg_name="asked")
@bp.output(WorkloadOut, status_code=201)
def submit(asked: WorkloadIn) -> Response:
    """Take a workload; with an Idempotency-Key the same request makes it once."""
    who, now = caller(), time.time()
    spec = admit(fleet.read(stores(), gpus=False), who, asked)
    made = Intent(id=str(uuid.uuid4()), spec=spec, user=who.name, submitted_at=now)
    key = request.headers.get("Idempotency-Key")
    if dry_run():
        seen = fleet.read(stores())
        return answer(workload_out(seen, Row(made.id, made, None, None), who))
    workload_id = _add(made, key) if key else _add_new(made)
    seen = fleet.read(stores())
    shown = workload_out(seen, _row(seen, workload_id), who)
    return answer(shown, 201, {"Location": f"{request.script_root}/workloads/{workload_id}"})


@bp.delete("/workloads/<workload_id>")
@bp.output(WorkloadOut, status_code=202)
def stop(workload_id: str) -> Response:
    """Ask for it to end; its owner or an admin. Asking again changes nothing."""
    who, seen = caller(), fleet.read(stores(), removed=True)
    found = _row(seen, workload_id)
    _check_may_stop(found)
    if dry_run() or found.intent is None or state(found) in FINISHED:
        return answer(workload_out(seen, found, who), 202)
    if found.intent.stop_requested_at is None:
        stores().intents.change(workload_id, stop_requested_at=time.time())
    seen = fleet.read(stores())
    return answer(workload_out(seen, _row(seen, workload_id), who), 202)


def _check_may_stop(found: Row) -> None:
    owner = found.intent.user if found.intent else (found.seen.user if found.seen else None)
    if not caller().admin and owner != caller().name:
        raise Forbidden(f"workload {found.id} belongs to {owner or 'nobody here'}; ask its owner")
    if found.intent is None and found.seen is not None:
        what = f"{found.seen.kind.lower()} {found.seen.name} -n {found.seen.namespace}"
        raise Conflict(
            f"workload {found.id} was made in the cluster, not here; stop it there: "
            f"kubectl delete {what}"
        )


def _row(seen: fleet.Fleet, workload_id: str) -> Row:
    found = row(seen, workload_id)
    if found is None:
        raise NotFound(f"there is no workload {workload_id!r}")
    return found


def _add_new(made: Intent) -> str:
    stores().intents.add(made)
    return made.id


def _add(made: Intent, key: str) -> str:
    """Add it under the key's id, or find what the key made before, even a moment before."""
    if len(key) > KEY_MOST:
        raise BadRequest(f"Idempotency-Key has {len(key)} characters; at most {KEY_MOST} are taken")
    workload_id = stores().idempotency.claim(made.user, key, made.id)
    try:
        stores().intents.add(Intent(workload_id, made.spec, made.user, made.submitted_at))
    except Conflict:
        _check_same(stores().intents.get(workload_id).spec, made.spec)
    return workload_id


def _check_same(former: WorkloadSpec, asked: WorkloadSpec) -> None:
    if former != asked:
        raise Conflict(
            f"this Idempotency-Key made workload {former.name!r} from another body; "
            "use a new key for a new workload"
        )
