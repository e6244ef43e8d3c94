"""Who may call what: the one place that says no, and it says no by default."""

from typing import cast

from flask import Flask, Response, g, request
from werkzeug.exceptions import Forbidden, HTTPException

from portal import problem
from portal.auth.identity import Caller, Identity
from portal.auth.origin import SAFE_METHODS, is_ours
from portal.settings import Settings

OPEN_ENDPOINTS = frozenset({"health.healthz", "health.readyz"})


class NotSignedIn(HTTPException):
    """No valid session or token came with the request."""

    code = 401
    description = (
        "sign in at /auth/sign-in, or send an API token as 'Authorization: Bearer nxu_...'"
    )


def caller() -> Caller:
    """Who sent the request that is being answered."""
    return cast(Caller, g.caller)


def require_admin(what: str) -> None:
    """Forbidden, unless the caller is an admin; ``what`` completes "only an admin may"."""
    if not caller().admin:
        raise Forbidden(f"only an admin may {what}; you are signed in as {caller().name!r}")


def guard(app: Flask, identity: Identity, settings: Settings) -> None:
    """Let nobody past but callers whose identity was checked, and cookies from our own pages."""

    @app.before_request
    def check() -> None:
        if request.endpoint in OPEN_ENDPOINTS:
            return
        found = identity.caller(request)
        if found is None:
            raise NotSignedIn
        g.caller = found
        if not found.by_cookie or request.method in SAFE_METHODS:
            return
        if not is_ours(request.headers, settings.public_url, request.host):
            raise Forbidden(
                "a change by session cookie must come from Neurox's own pages (Sec-Fetch-Site "
                "or Origin); tools use an API token"
            )

    @app.errorhandler(NotSignedIn)
    def not_signed_in(_: NotSignedIn) -> Response:
        challenge = {"WWW-Authenticate": 'Bearer realm="neurox"'}
        return problem.problem(401, NotSignedIn.description, headers=challenge)
