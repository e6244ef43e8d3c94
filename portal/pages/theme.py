"""Light or dark, kept in a cookie that the server reads, so that no page flashes."""

from urllib.parse import urlsplit

from flask import Blueprint, redirect, request
from werkzeug.exceptions import Forbidden
from werkzeug.wrappers import Response

from portal.auth.origin import is_ours
from portal.pages.templating import THEMES

YEAR = 365 * 24 * 3600
# Which of them people use only a proxy knows; the host decides.
WEB = ("https", "http")

bp = Blueprint("theme", __name__)


@bp.post("/theme")
def choose() -> Response:
    """Keep the theme and go back to the page that asked."""
    if all(is_ours(request.headers, f"{s}://{request.host}", request.host) is False for s in WEB):
        raise Forbidden("The theme is chosen on Neurox's own pages.")
    came_from = urlsplit(request.headers.get("Referer", ""))
    place = came_from.path if came_from.netloc == request.host else "/"
    # A path only: an address that begins with two slashes would lead to another host.
    back = redirect("/" + place.lstrip("/") + (f"?{came_from.query}" if came_from.query else ""))
    asked = request.form.get("theme", "")
    if asked in THEMES:
        back.set_cookie("theme", asked, max_age=YEAR, samesite="Lax", secure=request.is_secure)
    return back
