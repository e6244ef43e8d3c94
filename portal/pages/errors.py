"""Refusals of the API and our own, as pages that say what to do; never a trace."""

from dataclasses import dataclass
from urllib.parse import quote

from flask import Flask, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from portal.client import ApiError, NotSignedIn, OtherVersion, Unavailable
from portal.pages import navigation
from portal.pages.rendering import is_fragment

SIGN_IN = "/auth/sign-in"


@dataclass(frozen=True)
class Refusal:
    """What the error page says."""

    status: int
    title: str
    detail: str
    advice: str
    request_id: str = ""


def handle(app: Flask) -> None:
    """Show every foreseen error of ``app`` as a page."""
    app.register_error_handler(NotSignedIn, _sign_in)
    app.register_error_handler(ApiError, _refused)
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(HTTPException, _own)


def explain(status: int, detail: str, request_id: str = "") -> Refusal:
    """The words for a status."""
    if status == 403:
        return Refusal(
            status, "Not allowed", detail, "Ask an administrator of Neurox for access.", request_id
        )
    if status == 404:
        return Refusal(
            status, "Not found", detail, "It may have ended or been renamed.", request_id
        )
    if status == 503:
        return Refusal(status, "Not answering", detail, "Try again in a few seconds.", request_id)
    if status < 500:
        return Refusal(
            status, "Not accepted", detail, "Go back, change it and try again.", request_id
        )
    return Refusal(
        status,
        "Something went wrong",
        detail,
        "Try again; if it stays, give the request id to your administrator.",
        request_id,
    )


def _sign_in(_: NotSignedIn) -> BaseResponse:
    place = request.full_path.rstrip("?") if request.method == "GET" else request.path
    target = f"{SIGN_IN}?next={quote(place, safe='/')}"
    if is_fragment():
        answer = make_response("", 200)
        answer.headers["HX-Redirect"] = target
        return answer
    return redirect(target)


def _refused(error: ApiError) -> Response:
    problem = error.problem
    return _page(explain(problem.status, problem.detail, problem.request_id))


def _unavailable(error: Unavailable) -> Response:
    other = isinstance(error, OtherVersion)
    said = "is of a version that these pages do not know" if other else "does not answer"
    return _page(explain(503, f"The Neurox API {said}."))


def _own(error: HTTPException) -> BaseResponse:
    if error.code is None or error.code < 400:
        return error.get_response()
    detail = {
        404: "There is no page at this address.",
        405: "This address does not take that kind of request.",
        413: f"What was sent is larger than {(request.max_content_length or 0) // 1024} KiB.",
        500: "Neurox made a mistake and has logged it.",
    }.get(error.code, error.description or error.name)
    return _page(explain(error.code, detail))


def _page(refusal: Refusal) -> Response:
    if is_fragment():
        answer = make_response("", refusal.status)
        # While the API fails, the last good data stays on the screen and the browser's script
        # says so; a final answer (gone, not allowed) is shown by loading the page again.
        last = ("HX-Refresh", "true") if refusal.status < 500 else ("HX-Reswap", "none")
        answer.headers[last[0]] = last[1]
        return answer
    body = render_template(
        "pages/error.html", refusal=refusal, me=None, here=navigation.current(request.path)
    )
    return make_response(body, refusal.status)
