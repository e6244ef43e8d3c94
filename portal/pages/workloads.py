"""One workload: what it asked for, what it got, whether it uses it; and stopping it."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from controllers.domain.workload import FINISHED
from portal.pages.caller import api
from portal.pages.charts import chart
from portal.pages.query import Query
from portal.pages.rendering import page

bp = Blueprint("workload", __name__)


@bp.get("/workloads/<workload_id>")
def show(workload_id: str) -> Response:
    """The workload as it stands."""
    query = Query.of(request.path, request.args, ("from", "refresh"))
    workload = api().workloads.get(workload_id)
    if workload.started_at:
        query = query.reaching(workload.started_at, most="-30d")
    return page(
        "workload.html",
        query=query,
        workload=workload,
        finished=workload.state in FINISHED,
        chart=chart("utilization", query, workload=workload.id) if workload.started_at else None,
        simulated=workload.simulated,
    )


@bp.get("/workloads/<workload_id>/stop")
def confirm(workload_id: str) -> Response:
    """What stopping would do, and the button that does it."""
    workload = api().workloads.get(workload_id)
    query = Query(f"/workloads/{workload_id}/stop", {"refresh": "off"})
    return page(
        "stop.html",
        query=query,
        workload=workload,
        simulated=workload.simulated,
        subject=(workload.name, url_for("workload.show", workload_id=workload_id)),
        what="stop",
        allowed=True,
    )


@bp.post("/workloads/<workload_id>/stop")
def stop(workload_id: str) -> BaseResponse:
    """Ask for it to end."""
    api().workloads.stop(workload_id)
    return redirect(url_for("workload.show", workload_id=workload_id), 303)
