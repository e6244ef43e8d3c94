"""A kubeconfig of the plainest kind: one server, perhaps a CA, one token. All else is refused.

White space around the token, a byte order mark and the line ends of Windows do no harm; whatever
else a file went through on its way is told by its own sentence.
"""

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
    root = document(text, "the kubeconfig")
    if root.get("kind") == "Secret":
        raise KubeconfigError("the kubeconfig is a whole Secret; only its kubeconfig belongs there")
    if not root.get("current-context"):
        raise KubeconfigError("the kubeconfig has no current-context")
    context = _named(root, "contexts", "context", root.get("current-context"))
    cluster = _named(root, "clusters", "cluster", context.get("cluster"))
    user = _named(root, "users", "user", context.get("user"))
    _only(cluster, _CLUSTER, "cluster")
    _only(user, _USER, "user")
    return Kubeconfig(
        server=_server(cluster.get("server")),
        ca_pem=_ca(cluster.get("certificate-authority-data")),
        token=_token(user.get("token")),
    )


def decoded(raw: bytes) -> str:
    """The text of a file; KubeconfigError when it is in no encoding that Kubernetes reads."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise KubeconfigError("the file is UTF-16, as PowerShell writes it; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeError:
        raise KubeconfigError("the file is not UTF-8 text") from None


def document(text: str, what: str) -> dict[str, Any]:
    """The one mapping that the text holds; KubeconfigError."""
    if len(text) > LONGEST:
        raise KubeconfigError(f"{what} is longer than {LONGEST} characters")
    if not text.strip():
        raise KubeconfigError(f"{what} is empty")
    if _looks_encoded(text):
        raise KubeconfigError(f"{what} is base64 still; it was encoded twice")
    try:
        # Every value is text and no key merges others in: nothing can grow, nothing is converted.
        found = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError):
        raise KubeconfigError(f"{what} is not one document of YAML; was it cut?") from None
    return _mapping(found, what)


def _looks_encoded(text: str) -> bool:
    try:
        inner = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b"apiVersion" in inner or b"clusters" in inner


def _mapping(value: object, what: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise KubeconfigError(f"{what} is not a mapping")
    return cast(dict[str, Any], value)


def _named(root: dict[str, Any], plural: str, singular: str, name: object) -> dict[str, Any]:
    rows = root.get(plural)
    if not isinstance(rows, list) or not rows:
        raise KubeconfigError(f"the kubeconfig has no {plural}")
    found = [row for row in rows if _is_row(row, name)]
    if not isinstance(name, str) or not found:
        raise KubeconfigError(f"the kubeconfig has no {singular} of the name that it refers to")
    if len(found) > 1:
        raise KubeconfigError(f"the kubeconfig has two {plural} of one name")
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
    try:
        parts = urlsplit(value) if isinstance(value, str) and _is_plain(value) else None
    except ValueError:
        parts = None
    if parts is not None and parts.scheme == "http":
        raise KubeconfigError("the server of the kubeconfig is http://, and must be https://")
    try:
        fine = parts is not None and parts.scheme == "https" and bool(parts.hostname)
        fine = fine and parts is not None and (parts.port is None or parts.port > 0)
    except ValueError:
        fine = False
    if not fine or parts is None or parts.username or parts.query or parts.fragment:
        raise KubeconfigError("the server of the kubeconfig is not a plain https:// address")
    return cast(str, value).rstrip("/")


def _is_plain(address: str) -> bool:
    return address.isascii() and address.isprintable() and " " not in address


def _ca(value: object) -> str | None:
    if value is None or value == "":
        return None
    try:
        raw = base64.b64decode("".join(cast(str, value).split()), validate=True)
    except (binascii.Error, AttributeError, ValueError):
        raise KubeconfigError("certificate-authority-data is not base64") from None
    pem = raw.decode("ascii", "ignore")  # beside the certificates may be names with accents
    if "-----BEGIN CERTIFICATE-----" not in pem:
        raise KubeconfigError("certificate-authority-data holds no PEM certificate")
    return pem


def _token(value: object) -> str:
    token = value.strip() if isinstance(value, str) else ""
    if not token:
        raise KubeconfigError("the user of the kubeconfig has no token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise KubeconfigError("the token of the kubeconfig is broken by white space or the like")
    if token[0] in "'\"" or token[-1] in "'\"":
        raise KubeconfigError("the token of the kubeconfig has quotes in it")
    return token
