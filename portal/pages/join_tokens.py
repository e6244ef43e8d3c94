"""The join tokens that nobody has used: the doors that stand open, of all clusters."""

from flask import Blueprint, Response, request

from portal.pages.caller import api, me
from portal.pages.query import Query
from portal.pages.rendering import page

bp = Blueprint("join_tokens", __name__)
SHOWN = 500


@bp.get("/join-tokens")
def show() -> Response:
    """Each with its cluster, who issued it and its end, soonest to end first; for admins."""
    allowed = me().admin
    return page(
        "join_tokens.html",
        query=Query.of("/join-tokens", request.args, ("refresh",)),
        tokens=api().join_tokens.list(limit=SHOWN) if allowed else None,
        allowed=allowed,
    )
