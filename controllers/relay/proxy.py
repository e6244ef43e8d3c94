"""Which proxy leads to a place, by the variables that everybody uses. No I/O."""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from controllers import environment
from controllers.environment import Address, SettingsError

FILE = "NEUROX_RELAY_PROXY_FILE"
_DEFAULT_PORT = 80


@dataclass(frozen=True)
class Proxy:
    """Where it is, and the Proxy-Authorization to show; empty: none."""

    address: Address
    authorization: str = field(default="", repr=False)

    def __str__(self) -> str:
        """As it is named in messages: without what its URL holds of a password."""
        return f"the proxy {self.address}"


@dataclass(frozen=True)
class Proxies:
    """The proxy for https:// places, and the places that are reached without it."""

    https: Proxy | None = None
    exempt: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Proxies":
        """From HTTPS_PROXY and NO_PROXY, also in lower case; SettingsError.

        A URL with a password is better kept in the file that NEUROX_RELAY_PROXY_FILE names.
        """
        name, url = "HTTPS_PROXY", _either(env, "HTTPS_PROXY")
        if env.get(FILE, "").strip():
            name, url = FILE, environment.secret(env, FILE)
        rows = _either(env, "NO_PROXY").replace(",", " ").split()
        return cls(_proxy(url, name) if url else None, tuple(row.lower() for row in rows))

    def to(self, host: str, port: int) -> Proxy | None:
        """The proxy that leads there; None: there is no need of one."""
        return None if self.https is None or self.why_direct(host, port) else self.https

    def why_direct(self, host: str, port: int) -> str:
        """What of NO_PROXY takes this place out; empty: nothing does."""
        host = host.lower().rstrip(".")
        address = _ip(host)
        if host == "localhost" or (address is not None and address.is_loopback):
            # As every other program has it: a proxy elsewhere cannot lead back here.
            return host
        return next((row for row in self.exempt if _matches(row, host, port, address)), "")


DIRECT = Proxies()
"""To every place without a proxy."""
_IP = ipaddress.IPv4Address | ipaddress.IPv6Address


def _either(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip() or env.get(name.lower(), "").strip()


def _proxy(url: str, name: str) -> Proxy:
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = parts.port or _DEFAULT_PORT
    except ValueError:
        parts, port = SplitResult("", "", "", "", ""), 0
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
        # Not quoted: it may hold a password.
        raise SettingsError(
            f"{name} must be http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, an HTTP proxy "
            "that lets CONNECT through (chart value: relayClient.proxy)"
        )
    return Proxy(Address(parts.hostname, port), _authorization(parts))


def _authorization(parts: SplitResult) -> str:
    if parts.username is None:
        return ""
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _matches(row: str, host: str, port: int, address: _IP | None) -> bool:
    """Whether one entry of NO_PROXY means this place."""
    if row == "*":
        return True
    if "/" in row:
        return address is not None and _in_network(row, address)
    name, wanted = _parted(row)
    if wanted not in ("", str(port)):
        return False
    if address is not None:
        return _ip(name) == address
    if name.startswith(("*.", ".")):
        return host.endswith(name.removeprefix("*"))
    return host == name or host.endswith(f".{name}")


def _in_network(row: str, address: _IP) -> bool:
    try:
        return address in ipaddress.ip_network(row, strict=False)
    except ValueError:
        return False


def _parted(row: str) -> tuple[str, str]:
    """Host and port of an entry; no port: an empty text."""
    if row.startswith("["):
        host, _, rest = row[1:].partition("]")
        return host, rest.removeprefix(":")
    if row.count(":") == 1:
        host, _, port = row.partition(":")
        return host, port
    return row, ""


def _ip(host: str) -> _IP | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
