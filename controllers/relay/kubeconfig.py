"""A kubeconfig of the plainest kind: one server, perhaps a CA, one token. All else is refused."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import yaml

LONGEST = 64 * 1024
_CLUSTER = {"server", "certificate-authority-data"}
_USER = {"token"}
_HINTS = {
    "exec": "it would run a program",
    "auth-provider": "it would run a program",
    "tokenFile": "it names a file",
    "certificate-authority": "it names a file; use certificate-authority-data",
    "client-certificate": "it names a file",
    "client-key": "it names a file",
    "proxy-url": "it would lead the connection elsewhere",
    "insecure-skip-tls-verify": "the server must be verified",
}


class KubeconfigError(Exception):
    """The file cannot be used; the message says what is wrong with it, and never quotes it."""


@dataclass(frozen=True)
class Kubeconfig:
    """Where to go, whom to trust (None: what the system trusts), and what to show."""

    server: str
    ca_pem: str | None
    token: str = field(repr=False)


def parse_kubeconfig(text: str) -> Kubeconfig:
    """The current context of a kubeconfig; KubeconfigError for anything but server, CA and token.

    Programs, files, proxies and unverified TLS are refused: the file comes out of a Secret, and
    whoever may write that must not gain more than the power to name a server.
    """
    if len(text) > LONGEST:
        raise KubeconfigError(f"the kubeconfig is longer than {LONGEST} characters")
    try:
        # Every value is text and no key merges others in: nothing can grow, nothing is converted.
        document = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError):
        raise KubeconfigError("the kubeconfig is not YAML") from None
    root = _mapping(document, "the kubeconfig")
    name = root.get("current-context")
    context = _named(root, "contexts", "context", name)
    cluster = _named(root, "clusters", "cluster", context.get("cluster"))
    user = _named(root, "users", "user", context.get("user"))
    _only(cluster, _CLUSTER, "cluster")
    _only(user, _USER, "user")
    return Kubeconfig(
        server=_server(cluster.get("server")),
        ca_pem=_ca(cluster.get("certificate-authority-data")),
        token=_token(user.get("token")),
    )


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise KubeconfigError(f"{what} is not a mapping")
    return cast(dict[str, Any], value)


def _named(root: dict[str, Any], plural: str, singular: str, name: object) -> dict[str, Any]:
    rows = root.get(plural)
    found = [row for row in rows if _is_row(row, name)] if isinstance(rows, list) else []
    if not isinstance(name, str) or len(found) != 1:
        raise KubeconfigError(f"the kubeconfig has no single {singular} that it refers to")
    return _mapping(found[0].get(singular), f"the {singular} of the kubeconfig")


def _is_row(row: object, name: object) -> bool:
    return isinstance(row, dict) and row.get("name") == name


def _only(section: dict[str, Any], known: set[str], what: str) -> None:
    for key in section:
        if key not in known:
            # A key is shown only when it is a known word: an odd one might be a misplaced secret.
            shown = f"{key!r}: {_HINTS[key]}" if key in _HINTS else "a key that is not known here"
            raise KubeconfigError(f"the {what} of the kubeconfig has {shown}")


def _server(value: object) -> str:
    parts = urlsplit(value) if isinstance(value, str) else None
    try:
        fine = parts is not None and parts.scheme == "https" and bool(parts.hostname)
        fine = fine and parts is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or parts is None or parts.username or parts.query or parts.fragment:
        raise KubeconfigError("the server of the kubeconfig is not a plain https:// address")
    return cast(str, value).rstrip("/")


def _ca(value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        pem = base64.b64decode(cast(str, value), validate=True).decode("ascii")
    except (binascii.Error, TypeError, ValueError):
        raise KubeconfigError("certificate-authority-data is not base64 of a PEM text") from None
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise KubeconfigError("certificate-authority-data holds no certificate")
    return pem


def _token(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise KubeconfigError("the user of the kubeconfig has no token")
    return value
