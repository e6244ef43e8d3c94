"""Whether this process lives, and whether it can serve. No sign-in needed."""

from apiflask import APIBlueprint
from flask import Response

from portal.api.stores import stores

bp = APIBlueprint("health", __name__, enable_openapi=False)


@bp.get("/healthz")
def healthz() -> Response:
    """Alive; says nothing of others."""
    return Response("ok\n", content_type="text/plain")


@bp.get("/readyz")
def readyz() -> Response:
    """Redis answers; else the error handler says 503."""
    stores().redis.ping()
    return Response("ok\n", content_type="text/plain")
