"""A page, or the one fragment of it that a poll asks for."""

import hashlib
import re
from typing import Any

from flask import Response, make_response, render_template, request

from portal.pages import navigation
from portal.pages.caller import me
from portal.pages.query import Query

# The words inside tick by themselves in the browser; what they count from stays in the tag.
_TICKING = re.compile(r'( data-age="[^"]*">)[^<]*')


def is_fragment() -> bool:
    """Whether the browser wants only the live part of the page."""
    return request.headers.get("HX-Request-Type") == "partial"


def page(template: str, *, query: Query, status: int = 200, **context: Any) -> Response:
    """The page; for a poll only its live part, tagged so that an unchanged one costs nothing."""
    fragment = is_fragment()
    body = render_template(
        f"pages/{template}",
        layout="fragment.html" if fragment else "base.html",
        query=query,
        me=me(),
        here=navigation.current(request.path),
        **context,
    )
    response = make_response(body, status)
    if fragment and status == 200:
        tag = hashlib.sha256(_TICKING.sub("", body).encode()).hexdigest()[:20]
        response.set_etag(tag, weak=True)
        response.make_conditional(request)
    return response
