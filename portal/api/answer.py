"""Answers: models as JSON, with a weak ETag that saves sending the same again."""

from collections.abc import Mapping
from importlib.metadata import version

from flask import Flask, Response, request
from pydantic import BaseModel

from portal.schemas.base import FIRST, VERSION_HEADER

JSON = "application/json"


def answer(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """``model`` as the body."""
    return Response(written(model), status, dict(headers or {}), content_type=JSON)


def written(model: BaseModel) -> str:
    """``model`` in JSON; pages of 0.1, which do not name themselves, get the fields of 0.1."""
    unnamed = request.user_agent.string.startswith("python-requests/")
    of_a_page = "Cookie" in request.headers
    return model.model_dump_json(by_alias=True, context=FIRST if unnamed and of_a_page else None)


def nothing() -> Response:
    """Done, and there is nothing to show."""
    return Response(status=204)


def dry_run() -> bool:
    """Whether the caller only asks what would happen."""
    value = request.args.get("dry_run", "false")
    if value not in ("true", "false"):
        raise BadQuery("dry_run", f"dry_run must be true or false, not {value!r:.40}")
    return value == "true"


class BadQuery(Exception):
    """A query parameter that cannot be taken."""

    def __init__(self, field: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.field = field
        self.status = status


def cacheable(app: Flask) -> None:
    """Give each successful GET a weak ETag; the same again is answered 304 without a body."""

    @app.after_request
    def tag(response: Response) -> Response:
        response.headers.setdefault("Cache-Control", "private, no-cache")
        response.headers.setdefault("Vary", "Cookie, Authorization")
        if response.status_code < 400:
            response.headers[VERSION_HEADER] = version("neurox")
        if request.method in ("GET", "HEAD") and response.status_code == 200:
            response.add_etag(weak=True)
            response.make_conditional(request)
        return response
