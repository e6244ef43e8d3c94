"""The API as the browser's user sees it: the pages hold no credential of their own."""

from flask import Flask, current_app, g, request

from portal.client import Client
from portal.pages.settings import Place
from portal.schemas import Me

# The cookie is the user; the others let the API judge where a change comes from.
FORWARDED = ("Cookie", "Origin", "Sec-Fetch-Site")


def api() -> Client:
    """One client a request."""
    if "api" not in g:
        settings: Place = current_app.extensions["neurox_pages"]
        given = {name: request.headers[name] for name in FORWARDED if name in request.headers}
        g.api = Client(settings.api_url, headers=given)
    client: Client = g.api
    return client


def me() -> Me:
    """Who asks; looked up once a request."""
    if "me" not in g:
        g.me = api().me()
    found: Me = g.me
    return found


def close_after_request(app: Flask) -> None:
    """Give the client's connections back when a request ends."""

    def close(_: BaseException | None) -> None:
        client: Client | None = g.pop("api", None)
        if client is not None:
            client.close()

    app.teardown_request(close)
