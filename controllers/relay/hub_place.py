"""Where the control plane is: its addresses and the CAs to trust, as links tell them. Pure."""

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from controllers.relay import message

URLS = 8
CA_CHARACTERS = 64 * 1024
_PIECE_CHARACTERS = 1024
"""A control message has 4 KiB, and all addresses go with each piece of the CAs."""
_URL_CHARACTERS = 300


class PlaceError(Exception):
    """These are no addresses, or no CAs; the message says what is wrong."""


class Place(msgspec.Struct, frozen=True):
    """One address, and the CAs that its certificate may come from; none: what the system trusts."""

    url: str
    ca_pem: str = ""


class Places(msgspec.Struct, frozen=True):
    """All addresses that lead to the control plane, the current one first, and the CAs."""

    urls: tuple[str, ...] = ()
    ca_pem: str = ""

    @property
    def each(self) -> tuple[Place, ...]:
        """One by one."""
        return tuple(Place(url, self.ca_pem) for url in self.urls)


def checked(urls: Sequence[str], ca_pem: str) -> Places:
    """These, tidied. PlaceError."""
    if not 0 < len(urls) <= URLS:
        raise PlaceError(f"there must be 1 to {URLS} addresses, not {len(urls)}")
    for url in urls:
        _check(url)
    ca_pem = ca_pem.encode("ascii", "ignore").decode().strip()  # of comments, letters with accents
    if len(ca_pem) > CA_CHARACTERS:
        raise PlaceError(f"the CAs have more than {CA_CHARACTERS} characters")
    if ca_pem:
        try:
            ssl.create_default_context(cadata=ca_pem)
        except (ssl.SSLError, ValueError):
            raise PlaceError("the CAs cannot be read as certificates in PEM") from None
    return Places(tuple(dict.fromkeys(url.rstrip("/") for url in urls)), ca_pem)


def pieces(places: Places) -> tuple[message.Hub, ...]:
    """As they are told: the CAs in pieces, for a control message is short."""
    if not places.urls:
        return ()
    ends = range(0, max(1, len(places.ca_pem)), _PIECE_CHARACTERS)
    parts = [places.ca_pem[at : at + _PIECE_CHARACTERS] for at in ends]
    last = len(parts) - 1
    return tuple(
        message.Hub(places.urls, part, more=index < last) for index, part in enumerate(parts)
    )


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        fine = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        fine = fine and not (parts.username or parts.query or parts.fragment)
    except ValueError:
        fine = False
    if not fine or len(url) > _URL_CHARACTERS or not url.isascii() or not url.isprintable():
        raise PlaceError("an address of the control plane must be a plain https:// one")
