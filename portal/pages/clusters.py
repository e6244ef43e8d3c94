"""One cluster, and joining a new one."""

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.client import ApiError
from portal.pages.caller import api, me
from portal.pages.charts import chart
from portal.pages.cluster_versions import is_other
from portal.pages.links import if_known
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import AuditOut, ClusterIn, ClusterOut, JoinIn, JoinOut, Page, UpgradeOut

bp = Blueprint("cluster", __name__)
HOUR = 3600
DEEDS = 50
EXPIRES = {"1 day": 24 * HOUR, "7 days": 7 * 24 * HOUR}
"""What the forms offer instead of an hour: with GitOps, a review comes first."""


@bp.get("/clusters/<name>")
def show(name: str) -> Response:
    """The cluster's state, connection and nodes; while not all is well, the check-list."""
    query = Query.of(request.path, request.args, ("from", "refresh"))
    cluster = api().clusters.get(name)
    if cluster.removed_at:
        return _removed(cluster, query)
    query = query.reaching(cluster.created_at)
    return page(
        "cluster.html",
        query=query,
        cluster=cluster,
        nodes=api().nodes.list(cluster=name, sort="name", limit=200),
        chart=chart("utilization", query, cluster=name, by="pool"),
        simulated=cluster.simulated,
        upgrade=_upgrade(cluster),
        checks=if_known(api().clusters.checks, name),
        link=if_known(api().clusters.link, name),
        token=if_known(api().clusters.waiting_join, name) if me().admin else None,
        deeds=_deeds(cluster),
        expires=list(EXPIRES),
    )


def _removed(cluster: ClusterOut, query: Query) -> Response:
    """What is kept of a cluster that was; its address is its id."""
    query = query.reaching(cluster.created_at, most="-30d")
    return page(
        "cluster_removed.html",
        query=query,
        cluster=cluster,
        chart=chart("utilization", query, cluster=cluster.id, by="cluster"),
        simulated=cluster.simulated,
        link=if_known(api().clusters.link, cluster.id),
        deeds=_deeds(cluster),
    )


def _deeds(cluster: ClusterOut) -> Page[AuditOut] | None:
    """Who did what to it lately; for administrators."""
    if not me().admin:
        return None
    return if_known(lambda found: api().audit.list(cluster_id=found, limit=DEEDS), cluster.id)


@bp.get("/clusters/new")
def ask() -> Response:
    """The form that names the new cluster."""
    return _form({}, {}, "")


@bp.post("/clusters/new")
def join() -> Response:
    """Create the record and show its Secret and command, this once."""
    fields = ("name", "description", "labels", "expires")
    given = {name: request.form.get(name, "").strip() for name in fields}
    try:
        found = labels(given["labels"])
    except ValueError as fault:
        return _form(given, {"labels": str(fault)}, "Nothing was made.", 422)
    asked = ClusterIn(
        name=given["name"],
        description=given["description"],
        labels=found,
        expires_seconds=EXPIRES.get(given["expires"], HOUR),
    )
    try:
        made = api().clusters.create(asked)
    except ApiError as error:
        return _form(given, refused_fields(error), error.problem.detail, error.status)
    return _joined(made)


@bp.post("/clusters/<name>/join")
def join_again(name: str) -> BaseResponse:
    """A new single-use token for a record that has not joined, or joins anew."""
    expires = EXPIRES.get(request.form.get("expires", ""), HOUR)
    rebuilt = request.form.get("rebuilt") == "yes"
    return _joined(api().clusters.join(name, JoinIn(expires_seconds=expires, rebuilt=rebuilt)))


@bp.get("/clusters/<name>/join")
def join_page(name: str) -> BaseResponse:
    """Reloading the page of a shown Secret leads to the cluster: it is shown once."""
    return redirect(url_for("cluster.show", name=name))


def refused_fields(error: ApiError) -> dict[str, str]:
    """What is wrong with each field; the error itself when no form can mend it."""
    if error.status not in (400, 409, 422):
        raise error
    return {each.field.rpartition(".")[2]: each.message for each in error.problem.errors}


def labels(text: str) -> dict[str, str]:
    """``region=eu, team=vision`` as the API takes it, which says what else is wrong with it.

    ValueError: a label is given twice.
    """
    found: dict[str, str] = {}
    for part in filter(str.strip, text.split(",")):
        name, _, value = map(str.strip, part.partition("="))
        if name in found:
            raise ValueError(f"{name!r} is given twice")
        found[name] = value
    return found


def _upgrade(cluster: ClusterOut) -> UpgradeOut | None:
    """How to give the cluster our version; None when it has that, or the API is older than we."""
    if not is_other(cluster):
        return None
    return if_known(api().clusters.upgrade, cluster.name)


def _form(
    given: dict[str, str], at_fault: dict[str, str], detail: str, status: int = 200
) -> Response:
    return page(
        "join.html",
        query=Query("/clusters/new", {"refresh": "off"}),
        status=status,
        given=given,
        at_fault=at_fault,
        detail=detail,
        allowed=me().admin,
        expires=list(EXPIRES),
    )


def _joined(made: JoinOut) -> Response:
    return page(
        "joined.html",
        # This page must not load itself again: the Secret is in no other answer.
        query=Query(f"/clusters/{made.cluster.name}", {"refresh": "off"}),
        made=made,
        cluster=made.cluster,
        checks=if_known(api().clusters.checks, made.cluster.name),
    )
