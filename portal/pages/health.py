"""Whether this process lives. No sign-in needed."""

from flask import Blueprint, Response

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """Alive; says nothing of others."""
    return Response("ok\n", content_type="text/plain")
