"""What certificate is shown where it cannot be trusted: read for its words, not believed."""

import asyncio
import socket
import ssl

from cryptography import x509
from cryptography.x509.oid import NameOID

_MOST_NAMES = 4
_MOST_CHARACTERS = 60


async def presented(opened: socket.socket, host: str) -> str:
    """Whose it is, who signed it and when it is good; empty where it cannot be read.

    Nothing is sent over this connection but the beginning of TLS.
    """
    unverified = ssl.create_default_context()
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(sock=opened, ssl=unverified, server_hostname=host)
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        return _words(x509.load_der_x509_certificate(shown))
    except (OSError, ValueError):
        return ""


def _words(shown: x509.Certificate) -> str:
    since, until = shown.not_valid_before_utc, shown.not_valid_after_utc
    when = f"good from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    return f"it is for {_names(shown)}, issued by {_common(shown.issuer)}, {when}"


def _names(shown: x509.Certificate) -> str:
    try:
        found = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return _common(shown.subject)
    names = [_plain(str(each.value)) for each in found]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _common(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    found = found or name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return _plain(str(found[0].value)) if found else "nobody by name"


def _plain(text: str) -> str:
    """A stranger wrote it: no line of it may end ours."""
    return "".join(each if each.isprintable() else "?" for each in text)[:_MOST_CHARACTERS]
