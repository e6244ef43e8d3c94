"""What an administrator can do about the access of clusters; each asks first, with a plain form."""

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.client import ApiError, NotSignedIn
from portal.pages.caller import api, me
from portal.pages.cluster_question import question
from portal.pages.query import Query
from portal.pages.rendering import page

bp = Blueprint("cluster_keys", __name__)
AT_ONCE = 200
"""Clusters that one form can name."""


@dataclass(frozen=True)
class Outcome:
    """How it went for one of several clusters."""

    name: str
    refused: str = ""


@bp.get("/clusters/<name>/rotate")
def ask_rotation(name: str) -> Response:
    """What a new key means, and the button that asks for it."""
    return _question("rotate", name)


@bp.post("/clusters/<name>/rotate")
def rotate(name: str) -> BaseResponse:
    """Ask the cluster for a new key."""
    api().clusters.rotate(name)
    return redirect(url_for("cluster.show", name=name), 303)


@bp.get("/clusters/<name>/revoke")
def ask_revocation(name: str) -> Response:
    """What is lost, and the button that does it."""
    return _question("revoke", name)


@bp.post("/clusters/<name>/revoke")
def revoke(name: str) -> BaseResponse:
    """Take the cluster's access back."""
    api().clusters.revoke(name)
    return redirect(url_for("cluster.show", name=name), 303)


@bp.get("/clusters/<name>/withdraw")
def ask_withdrawal(name: str) -> Response:
    """What a token that is withdrawn is worth, and the button that does it."""
    return _question("withdraw", name)


@bp.post("/clusters/<name>/withdraw")
def withdraw(name: str) -> BaseResponse:
    """Make the unused join token worthless."""
    api().clusters.withdraw_join(name)
    return redirect(url_for("cluster.show", name=name), 303)


@bp.get("/clusters/<name>/remove")
def ask_removal(name: str) -> Response:
    """What goes and what stays, and a field for the name, so that nobody removes by mistake."""
    return _question("remove", name)


@bp.post("/clusters/<name>/remove")
def remove(name: str) -> BaseResponse:
    """Take the cluster off the lists."""
    if request.form.get("typed", "").strip() != name:
        wrong = {"typed": f"That is not {name!r}; nothing was removed."}
        return _question("remove", name, wrong)
    api().clusters.delete(name)
    return redirect(url_for("clusters.show"), 303)


@bp.get("/cluster-keys")
def choose() -> Response:
    """The clusters, to choose those that shall make a new key."""
    return _several([])


@bp.post("/cluster-keys")
def rotate_several() -> Response:
    """Ask each of the chosen ones; one that refuses does not keep the others from it."""
    chosen = request.form.getlist("name")[:AT_ONCE]
    return _several([_rotated(name) for name in chosen], "" if chosen else "Choose a cluster.")


def _rotated(name: str) -> Outcome:
    try:
        api().clusters.rotate(name)
    except NotSignedIn:
        raise
    except ApiError as error:
        return Outcome(name, error.problem.detail or error.problem.title)
    return Outcome(name)


def _question(what: str, name: str, at_fault: dict[str, str] | None = None) -> Response:
    return question(what, api().clusters.get(name), at_fault, 422 if at_fault else 200)


def _several(outcomes: list[Outcome], fault: str = "") -> Response:
    listed = api().clusters.list(limit=AT_ONCE, sort="name")
    return page(
        "cluster_keys.html",
        query=Query("/cluster-keys", {"refresh": "off"}),
        status=422 if fault else 200,
        at_fault={"name": fault} if fault else {},
        clusters=[cluster for cluster in listed.items if cluster.reported_at],
        more=listed.next_cursor,
        at_once=AT_ONCE,
        outcomes=outcomes,
        allowed=me().admin,
    )
