"""The auth app, mounted at ``/auth``: signing in and out."""

import time
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from redis import Redis
from werkzeug.exceptions import BadRequest, Forbidden

from controllers.store.failures import SignInFailures
from controllers.store.users import User
from portal import problem
from portal.auth.identity import Identity
from portal.auth.next_page import next_page
from portal.auth.origin import is_ours
from portal.auth.passwords import matches
from portal.pages.templating import equip
from portal.schemas import Me
from portal.settings import Settings
from portal.strict_request import StrictRequest

FORM_LIMIT = 16 * 1024
LONGEST_NAME = 63
LONGEST_PASSWORD = 256


@dataclass(frozen=True)
class Attempt:
    """What somebody typed."""

    name: str
    password: str
    next: str
    json: bool


class SignIn:
    """The views, on the stores they need."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._settings = settings
        self._identity = Identity(redis, settings.secure)
        self._failures = SignInFailures(redis)

    def page(self) -> ResponseReturnValue:
        """The form; who is signed in already goes on to ``next``."""
        target = next_page(request.args.get("next"))
        if self._identity.caller(request):
            return redirect(target, 303)
        answer = make_response(_page(target))
        if self._identity.cookie in request.cookies:
            # Ended, forged or sent twice: with it the next session might not be seen either.
            self._set_cookie(answer, None)
        return answer

    def sign_in(self) -> ResponseReturnValue:
        """Check a name and password, begin a session, end the one the browser had."""
        if is_ours(request.headers, self._settings.public_url, request.host) is False:
            raise Forbidden("sign in from Neurox's own page; this request came from another site")
        attempt = _attempt()
        source = request.remote_addr or ""
        wait = self._failures.attempt(attempt.name, source)
        if wait:
            return _refused(attempt, 429, f"Too many failed attempts. Try again in {wait} s.", wait)
        looked_at = time.time()
        user = self._identity.users.find(attempt.name)
        if not matches(user.password_hash if user else None, attempt.password) or user is None:
            return _refused(attempt, 401, "The name or the password is wrong.")
        self._failures.succeeded(attempt.name, source)
        former = self._identity.session_value(request)
        if former:
            self._identity.sessions.end(former)
        return self._welcome(attempt, user, looked_at)

    def sign_out(self) -> ResponseReturnValue:
        """End the session everywhere at once."""
        if not is_ours(request.headers, self._settings.public_url, request.host):
            raise Forbidden("sign out from Neurox's own pages; this request came from elsewhere")
        value = self._identity.session_value(request)
        if value:
            self._identity.sessions.end(value)
        browser = request.accept_mimetypes.accept_html
        answer = redirect("/auth/sign-in", 303) if browser else Response(status=204)
        self._set_cookie(answer, None)
        return answer

    def _welcome(self, attempt: Attempt, user: User, looked_at: float) -> Response:
        if attempt.json:
            me = Me(name=user.name, groups=list(user.groups), admin=user.admin)
            answer = Response(me.model_dump_json(), content_type="application/json")
        else:
            answer = make_response(redirect(attempt.next, 303))
        self._set_cookie(answer, self._identity.sessions.start(user.name, user.id, looked_at))
        return answer

    def _set_cookie(self, answer: Any, value: str | None) -> None:
        answer.set_cookie(
            self._identity.cookie,
            value or "",
            expires=None if value else 0,
            path="/",
            secure=self._settings.secure,
            httponly=True,
            samesite="Lax",
        )


def _attempt() -> Attempt:
    json = request.mimetype == "application/json"
    sent = request.get_json() if json else request.form
    if not hasattr(sent, "get"):
        raise BadRequest("the body must be an object with name and password")
    name, password = sent.get("name"), sent.get("password")
    if not isinstance(name, str) or not isinstance(password, str):
        raise BadRequest("name and password are needed, both as text")
    # Cut, not refused: what is longer is wrong anyway, and must not cost more to find out.
    target = next_page(None if json else sent.get("next"))
    return Attempt(name[: LONGEST_NAME + 1], password[: LONGEST_PASSWORD + 1], target, json)


def _page(target: str, error: str | None = None, name: str = "") -> str:
    return render_template("pages/sign_in.html", next=target, error=error, name=name)


def _refused(attempt: Attempt, status: int, message: str, wait: int | None = None) -> Response:
    headers = {} if wait is None else {"Retry-After": str(wait)}
    if attempt.json:
        return problem.problem(status, message, headers=headers)
    page = _page(attempt.next, message, attempt.name[:LONGEST_NAME])
    return make_response(page, status, headers)


def _fine() -> Response:
    return Response("ok\n", content_type="text/plain")


def create_app(settings: Settings, redis: Redis) -> Flask:
    """The app; its routes are under the place it is mounted at."""
    app = Flask(__name__, static_folder=None)
    app.request_class = StrictRequest
    app.config["MAX_CONTENT_LENGTH"] = FORM_LIMIT
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_LIMIT
    views = SignIn(settings, redis)

    def ready() -> Response:
        redis.ping()
        return _fine()

    app.add_url_rule("/sign-in", "page", views.page)
    app.add_url_rule("/sign-in", "sign_in", views.sign_in, methods=["POST"])
    app.add_url_rule("/sign-out", "sign_out", views.sign_out, methods=["POST"])
    app.add_url_rule("/healthz", "healthz", _fine)
    app.add_url_rule("/readyz", "readyz", ready)
    problem.register(app)
    equip(app)
    return app
