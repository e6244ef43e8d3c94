"""Errors as RFC 9457 problem documents: one shape for every app, made in one place."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask, Response, request
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError as RedisResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from controllers.domain.errors import Conflict, NotFound, Refused, Unreachable
from portal.schemas import FieldError, Problem

MEDIA_TYPE = "application/problem+json"
REQUEST_ID = "neurox.request_id"
"""Key of the WSGI environment; ``portal.web`` sets it for every request."""


def request_id() -> str:
    """The id of the request being answered, the same in answer, header and log."""
    return str(request.environ.setdefault(REQUEST_ID, str(uuid.uuid4())))


def place() -> str:
    """The whole path of the request, wherever the app is mounted."""
    return request.script_root + request.path


def field_error(field: str, message: str, location: str = "body") -> FieldError:
    """One input at fault; ``location`` is body, query or path."""
    return FieldError.model_validate({"in": location, "field": field, "message": message})


def problem(
    status: int,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer to a request that failed."""
    document = Problem(
        title=HTTP_STATUS_CODES.get(status, "Error"),
        status=status,
        detail=detail,
        instance=place(),
        request_id=request_id(),
        errors=list(errors),
    )
    body = document.model_dump_json(by_alias=True)
    return Response(body, status, dict(headers or {}), content_type=MEDIA_TYPE)


def register(app: Flask) -> None:
    """Let every error of ``app`` leave as a problem document."""

    @app.errorhandler(NotFound)
    def not_found(error: NotFound) -> Response:
        return problem(404, str(error))

    @app.errorhandler(Conflict)
    def conflict(error: Conflict) -> Response:
        return problem(409, str(error))

    @app.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return problem(422, str(error), [field_error(error.field, str(error))])

    @app.errorhandler(Unreachable)
    def unreachable(error: Unreachable) -> Response:
        return problem(503, str(error), headers={"Retry-After": "2"})

    @app.errorhandler(RedisConnectionError)
    @app.errorhandler(RedisTimeoutError)
    @app.errorhandler(RedisResponseError)
    def no_store(error: Exception) -> Response:
        app.logger.error("redis: %s request=%s", error, request_id())
        sentence = "the store (Redis) does not answer; nothing was changed or it is not known"
        return problem(503, f"{sentence}. Try again in a moment", headers={"Retry-After": "1"})

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        status = error.code or 500
        sentence, field = _sentence(status, error), getattr(error, "field", None)
        errors = [] if field is None else [field_error(field, sentence)]
        return problem(status, sentence, errors, _headers(error))


def _sentence(status: int, error: HTTPException) -> str:
    if status == 404:
        return f"there is nothing at {place()}"
    if status == 405:
        allowed = ", ".join(sorted(getattr(error, "valid_methods", None) or ()))
        return f"{request.method} is not possible at {place()}; possible: {allowed}"
    if status == 413:
        limit = request.max_content_length or 0
        return f"what was sent is larger than the limit of {limit // 1024} KiB; send less at once"
    if status == 500:
        return f"Neurox failed; the log has the cause under request {request_id()}"
    return error.description or error.name


def _headers(error: HTTPException) -> dict[str, str]:
    headers: list[tuple[str, Any]] = error.get_headers(request.environ)
    return {name: value for name, value in headers if name.lower() != "content-type"}
