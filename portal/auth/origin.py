"""Anti-forgery: whether a change was asked for by our own pages. No token in the page needed."""

from urllib.parse import urlsplit

from werkzeug.datastructures import Headers

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_ours(headers: Headers, public_url: str, host: str) -> bool | None:
    """True: our page or the person at the address bar; False: another site; None: cannot tell.

    ``headers`` are the request's; ``host`` its Host header. Browsers since 2023 send
    Sec-Fetch-Site to https and localhost, and all send Origin with a change.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("Origin")
    if origin is None:
        return None
    scheme = urlsplit(public_url).scheme
    return _same(origin, public_url) or _same(origin, f"{scheme}://{host}")


def _same(one: str, other: str) -> bool:
    try:
        return _place(one) == _place(other)
    except ValueError:
        return False


def _place(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(url)
    # People open localhost or 127.0.0.1 at will: on one port it is one server.
    name = "localhost" if parts.hostname in _LOOPBACK else parts.hostname
    return parts.scheme, name, parts.port or (443 if parts.scheme == "https" else 80)
