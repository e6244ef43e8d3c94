"""The web process: pages, api and auth on one port, behind one set of headers.

Served by ``gunicorn -c portal/gunicorn_conf.py portal.web:app``; ``portal.web:portal``, ``:api``
and ``:auth`` are each of the three alone, under the same paths.
"""

import io
import os
import sys
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response
from redis import Redis
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from controllers.environment import SettingsError
from controllers.store.connection import connect
from portal.api.app import create_app as create_api
from portal.auth.app import create_app as create_auth
from portal.pages import Settings as PagesSettings
from portal.pages import SettingsError as PagesSettingsError
from portal.pages import create_app as create_pages
from portal.pages.headers import POLICY
from portal.problem import REQUEST_ID
from portal.settings import Settings
from portal.strict_request import BODY_LIMIT

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

CANNOT_LOAD = 4
"""A worker that ends so is not started again: gunicorn ends as well."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with it browsers send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
HTTPS_ONLY = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class Hardened:
    """Gives every request an id and every answer the security headers."""

    def __init__(self, app: Wsgi, secure: bool) -> None:
        self._app = app
        self._headers = HEADERS | (HTTPS_ONLY if secure else {})

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request. The id is ours: one sent by a client could fake a line of log."""
        environ[REQUEST_ID] = str(uuid.uuid4())
        if environ.pop("HTTP_TRANSFER_ENCODING", None):
            _read_chunks(environ)
        # Only names that gunicorn itself made are believed; see forwarded_allow_ips.
        environ.pop("REMOTE_USER", None)

        def start(status: str, headers: Headers, *more: Any) -> Any:
            sent = {name.lower() for name, _ in headers}
            extra = [(n, v) for n, v in self._headers.items() if n.lower() not in sent]
            return start_response(
                status, [*headers, *extra, ("X-Request-ID", environ[REQUEST_ID])], *more
            )

        return self._app(environ, start)


def _read_chunks(environ: Environ) -> None:
    """Take a body of chunks in before anything is answered, as far as it may be long.

    A malformed one is then refused by the server; after an answer it would be a second answer.
    """
    body = environ["wsgi.input"].read(BODY_LIMIT + 1)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))


def create_app(settings: Settings, redis: Redis, pages: Flask) -> Wsgi:
    """All three apps: pages at ``/``, the others where their names say."""
    apps: dict[str, Wsgi] = {
        "/api/v1": create_api(settings, redis),
        "/auth": create_auth(settings, redis),
    }
    return Hardened(DispatcherMiddleware(pages, apps), settings.secure)


def _all() -> Wsgi:
    settings = Settings.from_env(os.environ)
    pages = create_pages(PagesSettings(settings.api_url, settings.charts_dir))
    return create_app(settings, connect(settings.redis_url), pages)


def _portal() -> Wsgi:
    settings = PagesSettings.from_env(os.environ)
    return Hardened(create_pages(settings), settings.secure)


def _api() -> Wsgi:
    settings = Settings.from_env(os.environ)
    return _alone("/api/v1", create_api(settings, connect(settings.redis_url)), settings)


def _auth() -> Wsgi:
    settings = Settings.from_env(os.environ)
    return _alone("/auth", create_auth(settings, connect(settings.redis_url)), settings)


def _alone(path: str, app: Wsgi, settings: Settings) -> Wsgi:
    nothing = Response("there is nothing here\n", 404, content_type="text/plain")
    return Hardened(DispatcherMiddleware(nothing, {path: app}), settings.secure)


_MAKERS: dict[str, Callable[[], Wsgi]] = {
    "app": _all,
    "portal": _portal,
    "api": _api,
    "auth": _auth,
}


def __getattr__(name: str) -> Any:
    """An app is made when gunicorn's worker asks for it, not when somebody imports this."""
    if name not in _MAKERS:
        raise AttributeError(name)
    try:
        globals()[name] = made = _MAKERS[name]()
    except (SettingsError, PagesSettingsError) as refusal:
        sys.stderr.write(f"{name}: {refusal}\n")
        sys.exit(CANNOT_LOAD)
    return made
