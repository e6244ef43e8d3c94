"""Who has refused: a relay-server, or an edge or proxy on the way to it."""

from collections.abc import Mapping
from http import HTTPStatus

SERVER = "x-neurox-server"
"""With the replica's name, on each answer of a relay-server."""
FIX = (
    "Have it pass all of /relay/ on to the relay-server, for this cluster's address too: look for "
    "a firewall's rule (WAF), a `deny`, or a sign-in."
)


def barred(status: int, headers: Mapping[str, str]) -> bool:
    """Whether something else than a relay-server keeps us out, and so says nothing of our key."""
    return status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) and SERVER not in headers


def words(status: int) -> str:
    """What has happened."""
    return f"an edge or proxy on the way refused ({status}), not the relay-server"
