"""New workload: a form that keeps what was typed and says what is wrong beside it."""

import uuid
from typing import Any

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from controllers.domain.policy import LEVELS
from portal.client import ApiError, NotSignedIn
from portal.pages.caller import api, me
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.pages.submission import FIELDS, Faults, read
from portal.schemas import Problem, WorkloadOut

AGAIN = (
    "This form was submitted before, with other values. To submit these as one more workload, "
    "press Submit again."
)

bp = Blueprint("submit", __name__)


@bp.get("/workloads/new")
def ask() -> Response:
    """The empty form; parameters of the address fill it in."""
    given = {name: request.args.get(name, "") for name in FIELDS}
    return _form(given)


@bp.post("/workloads/new")
def submit() -> BaseResponse:
    """Check or submit what was typed."""
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    checking = request.form.get("action") == "check"
    try:
        wanted = read(given)
        key = request.form.get("key", "")[:64] or None
        made = api().workloads.create(
            wanted, dry_run=checking, idempotency_key=None if checking else key
        )
    except Faults as faults:
        return _form(given, at_fault=faults.by_field, status=422)
    except NotSignedIn:
        raise
    except ApiError as error:
        if error.status == 409:
            return _form(given, detail=AGAIN, key=uuid.uuid4().hex, status=409)
        if error.status not in (400, 422):
            raise
        return _form(given, _by_field(error.problem), error.problem.detail, status=error.status)
    if checking:
        return _form(given, checked=made)
    return redirect(url_for("workload.show", workload_id=made.id), 303)


def _groups() -> list[str]:
    """Groups the caller may submit for: an administrator for any."""
    if not me().admin:
        return me().groups
    return [group.name for group in api().groups.list(limit=500, sort="name").items]


def _by_field(problem: Problem) -> dict[str, str]:
    names = {"max_runtime_seconds": "max_runtime", "annotations": "run_seconds"}
    faults = {}
    for error in problem.errors:
        field = next((part for part in error.field.split(".") if part in (*FIELDS, *names)), "")
        faults[names.get(field, field)] = error.message
    return faults


def _form(
    given: dict[str, str],
    at_fault: dict[str, str] | None = None,
    detail: str = "",
    checked: WorkloadOut | None = None,
    key: str = "",
    status: int = 200,
) -> Response:
    clusters = api().clusters.list(limit=500).items
    context: dict[str, Any] = {
        "projects": api().projects.list(limit=500, sort="name").items,
        "pools": api().pools.list(limit=500, sort="name").items,
        "groups": _groups(),
        "levels": LEVELS,
        "simulated": any(cluster.simulated for cluster in clusters),
    }
    return page(
        "submit.html",
        query=Query("/workloads/new", {"refresh": "off"}),
        status=status,
        given=given,
        at_fault=at_fault or {},
        detail=detail,
        checked=checked,
        # A second press of the button must not make a second workload.
        key=key or request.form.get("key", "")[:64] or uuid.uuid4().hex,
        **context,
    )
