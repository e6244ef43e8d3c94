"""What people know a cluster by, changed by an administrator: its description and its labels."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.client import ApiError
from portal.pages.caller import api
from portal.pages.cluster_question import question
from portal.pages.clusters import labels, refused_fields
from portal.schemas import ClusterChange

bp = Blueprint("cluster_record", __name__)


@bp.get("/clusters/<name>/edit")
def ask(name: str) -> Response:
    """The form, as the record is now."""
    return _form(name, None, {}, "")


@bp.post("/clusters/<name>/edit")
def change(name: str) -> BaseResponse:
    """Give the record what the form says; labels that it does not name are taken away."""
    given = {field: request.form.get(field, "").strip() for field in ("description", "labels")}
    try:
        found = labels(given["labels"])
    except ValueError as fault:
        return _form(name, given, {"labels": str(fault)}, "Nothing was changed.", 422)
    try:
        api().clusters.change(name, ClusterChange(description=given["description"], labels=found))
    except ApiError as error:
        return _form(name, given, refused_fields(error), error.problem.detail, error.status)
    return redirect(url_for("cluster.show", name=name), 303)


def _form(
    name: str,
    given: dict[str, str] | None,
    at_fault: dict[str, str],
    detail: str,
    status: int = 200,
) -> Response:
    cluster = api().clusters.get(name)
    now = ", ".join(f"{key}={value}" for key, value in sorted(cluster.labels.items()))
    given = given or {"description": cluster.description, "labels": now}
    return question("edit", cluster, at_fault, status, given=given, detail=detail)
