"""What a request asks for: a path, and whether its client takes gzip."""

import re

_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_GZIP = ("gzip", "x-gzip", "*")
"""The codings that allow it; the first one that is named decides."""
_REFUSED = re.compile(r"q\s*=\s*0(?:\.0*)?", re.IGNORECASE)


def path_of(target: str) -> str:
    """Without its query, and without the host that clients of a proxy name (RFC 9112, 3.2.2)."""
    absolute = _ABSOLUTE.match(target)
    return target[absolute.end() if absolute else 0 :].partition("?")[0] or "/"


def takes_gzip(accepts: str) -> bool:
    """Whether an ``Accept-Encoding`` allows it (RFC 9110, 12.5.3)."""
    allowed: dict[str, bool] = {}
    for one in accepts.split(","):
        coding, *parameters = (part.strip() for part in one.split(";"))
        refused = any(_REFUSED.fullmatch(parameter) for parameter in parameters)
        allowed[coding.lower()] = not refused
    return next((allowed[name] for name in _GZIP if name in allowed), False)
