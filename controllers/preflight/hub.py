"""The way to the control plane: name, TLS, and that a relay-server answers there."""

import socket
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import urllib3

from controllers.preflight.checks import Finding

SECONDS = 10.0
JOIN_PATH = "/relay/v1/join"


def way_to(server: str, ca: Path | None) -> list[Finding]:
    """One finding for the name, one for TLS and the answer."""
    parts = urlsplit(server)
    host, port = parts.hostname, parts.port or 443
    if parts.scheme != "https" or not host:
        fix = "give the address that people type, https://HOST"
        return [Finding("control plane", "failed", f"{server!r} is not an https address", fix)]
    try:
        addresses = sorted({str(each[4][0]) for each in socket.getaddrinfo(host, port)})
    except OSError as failure:
        fix = f"make {host} resolvable from here, or use another expose.host"
        return [Finding("DNS", "failed", f"{host} is not found: {failure.strerror}", fix)]
    found = Finding("DNS", "ok", f"{host} is {', '.join(addresses)}")
    return [found, _answer(host, port, ca)]


def _answer(host: str, port: int, ca: Path | None) -> Finding:
    pool = urllib3.HTTPSConnectionPool(
        host, port, timeout=urllib3.Timeout(SECONDS), ca_certs=str(ca) if ca else None
    )
    try:
        answer = pool.request("GET", JOIN_PATH, retries=False)
    except (urllib3.exceptions.SSLError, ssl.SSLError) as failure:
        fix = "give the control plane's CA (--ca), and check that the name is the certificate's"
        return Finding("TLS", "failed", f"{host}:{port} cannot be trusted: {failure}", fix)
    except urllib3.exceptions.HTTPError as failure:
        fix = f"open outgoing TCP {port} to {host} in firewalls and NetworkPolicies"
        return Finding("TLS", "failed", f"{host}:{port} does not answer: {failure}", fix)
    if answer.status == 403:
        return Finding("TLS", "ok", f"the relay-server answers at {host}:{port}")
    fix = f"lead {JOIN_PATH} to the relay-server in whatever stands in front"
    return Finding("TLS", "failed", f"{JOIN_PATH} answered {answer.status}", fix)
