"""What an administrator can do about the keys of clusters; each asks first, with a plain form."""

from dataclasses import dataclass

from flask import Blueprint, Response, redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from portal.client import ApiError, NotSignedIn
from portal.pages.caller import api, me
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


@bp.get("/cluster-keys")
def choose() -> Response:
    """The clusters, to choose those that shall make a new key."""
    return _several([])


@bp.post("/cluster-keys")
def rotate_several() -> Response:
    """Ask each of the chosen ones; one that refuses does not keep the others from it."""
    return _several([_rotated(name) for name in request.form.getlist("name")[:AT_ONCE]])


def _rotated(name: str) -> Outcome:
    try:
        api().clusters.rotate(name)
    except NotSignedIn:
        raise
    except ApiError as error:
        return Outcome(name, error.problem.detail or error.problem.title)
    return Outcome(name)


def _question(what: str, name: str) -> Response:
    return page(
        f"{what}.html",
        query=Query(f"/clusters/{name}/{what}", {"refresh": "off"}),
        cluster=api().clusters.get(name),
        allowed=me().admin,
    )


def _several(outcomes: list[Outcome]) -> Response:
    listed = api().clusters.list(limit=AT_ONCE, sort="name")
    return page(
        "cluster_keys.html",
        query=Query("/cluster-keys", {"refresh": "off"}),
        clusters=[cluster for cluster in listed.items if cluster.state != "waiting"],
        total=listed.total,
        outcomes=outcomes,
        allowed=me().admin,
    )
