"""The way to the control plane: its name, TLS, that a relay-server answers there, and its clock."""

import http.client
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from controllers.preflight.checks import CLOCK_SECONDS, SYNCHRONISE, Finding
from controllers.preflight.facts import ahead

SECONDS = 15.0
"""Longer than a relay-server waits for the head of a request."""
JOIN_PATH = "/relay/v1/join"
OURS = b"Neurox relay"
"""In what a relay-server says to everybody who asks without a token."""
MOST_BYTES = 65536
WRONG_NAME = {62, 64}
"""What OpenSSL calls a certificate of another host, and of another address."""


def way_to(server: str, ca: Path | None, clock_seconds: float | None) -> Iterator[Finding]:
    """A finding for the name, for TLS and the answer, and for its clock beside the cluster's.

    ``clock_seconds`` is how far the cluster's is ahead of ours.
    """
    try:
        parts = urlsplit(server)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    if parts.scheme != "https" or not host:
        fix = "give the address that people type, https://HOST"
        yield Finding("control plane", "failed", f"{server!r} is not an https address", fix)
        return
    try:
        addresses = sorted({str(each[4][0]) for each in socket.getaddrinfo(host, port)})
    except (OSError, UnicodeError) as failure:
        fix = f"make {host} resolvable from here, or use another expose.host"
        why = getattr(failure, "strerror", None) or failure
        yield Finding("DNS", "failed", f"{host} is not found: {why}", fix)
        return
    yield Finding("DNS", "ok", f"{host} is {', '.join(addresses)}")
    yield from _answer(host, port, ca, clock_seconds or 0.0)


def _answer(host: str, port: int, ca: Path | None, clock_seconds: float) -> Iterator[Finding]:
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
    except OSError as failure:
        says = f"{ca} holds no certificate that can be read: {failure.strerror or failure}"
        yield Finding("TLS", "failed", says, "give the control plane's CA in PEM: --ca FILE")
        return
    before = time.time()
    try:
        answer, body = _get(
            http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        )
    except (OSError, http.client.HTTPException) as failure:
        yield _failed(f"{host}:{port}", failure, ca)
        return
    if OURS not in body:
        fix = f"lead {JOIN_PATH} to the relay-server in whatever stands in front"
        says = f"{JOIN_PATH} at {host}:{port} is not our relay-server (status {answer.status})"
        yield Finding("TLS", "failed", says, fix)
        return
    yield Finding("TLS", "ok", f"the relay-server answers at {host}:{port}")
    try:
        server = parsedate_to_datetime(answer.getheader("date") or "").timestamp()
    except ValueError:
        return
    yield _clock(ahead(server, before, time.time()) - clock_seconds)


def _get(connection: http.client.HTTPSConnection) -> tuple[http.client.HTTPResponse, bytes]:
    try:
        connection.request("GET", JOIN_PATH)
        answer = connection.getresponse()
        return answer, answer.read(MOST_BYTES)
    finally:
        connection.close()


def _failed(where: str, failure: Exception, ca: Path | None) -> Finding:
    if isinstance(failure, ssl.SSLCertVerificationError):
        says = f"{where} cannot be trusted: {failure.verify_message}"
        if failure.verify_code in WRONG_NAME:
            fix = "use the name that its certificate is for, or set expose.host to this one"
        elif ca:
            fix = f"{ca} is not the CA that signed it; the join Secret holds the right one"
        else:
            fix = "give the control plane's CA: --ca FILE"
        return Finding("TLS", "failed", says, fix)
    if isinstance(failure, ssl.SSLError):
        fix = "check that the port is the one of https"
        return Finding("TLS", "failed", f"{where} does not speak TLS: {failure.reason}", fix)
    fix = f"open outgoing TCP to {where} in firewalls and NetworkPolicies, and see that it runs"
    why = getattr(failure, "strerror", None) or failure
    return Finding("TLS", "failed", f"{where} does not answer: {why}", fix)


def _clock(seconds: float) -> Finding:
    off = f"{abs(seconds):.0f} s"
    if abs(seconds) <= CLOCK_SECONDS:
        return Finding("control plane's clock", "ok", f"{off} between it and this cluster")
    says = f"{off} {'ahead of' if seconds > 0 else 'behind'} this cluster's"
    return Finding("control plane's clock", "failed", says, f"{SYNCHRONISE} both clusters' nodes")
