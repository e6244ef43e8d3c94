"""Static files by the names that another version of the portal gives them."""

import re

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from portal.pages import assets

bp = Blueprint("other_version", __name__)
_HASHED = re.compile(r"(.+)\.[0-9a-f]{12}\.([a-z0-9]+)")
_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}


@bp.get(assets.PREFIX + "<path:name>")
def file(name: str) -> Response:
    """Our own file of that name: while portals are replaced, the page may have come from another.

    It is for this once; the next page names it by its own hash.
    """
    match = _HASHED.fullmatch(name)
    own = assets.contents().get(f"{match[1]}.{match[2]}") if match else None
    if match is None or own is None:
        raise NotFound("there is no such file")
    answer = Response(own[1], content_type=_TYPES[match[2]])
    answer.headers["Cache-Control"] = "no-store"
    return answer
