"""Settings out of the environment, read once and refused clearly."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and, if harmless, the value."""


class Address(NamedTuple):
    """A host and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def given(env: Mapping[str, str], name: str) -> str:
    """The value; SettingsError when it is not set."""
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def address(env: Mapping[str, str], name: str) -> Address:
    """A host:port, with or without http:// in front."""
    value = given(env, name)
    host, _, port = value.removeprefix("http://").rstrip("/").rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise SettingsError(f"{name} must be host:port, not {value!r}")
    return Address(host.strip("[]"), int(port))


def url(env: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str:
    """A URL of one of ``schemes``, without a slash at its end."""
    value = given(env, name)
    try:
        parts = urlsplit(value)
    except ValueError:
        raise SettingsError(f"{name} is no URL: its host cannot be read") from None
    if parts.scheme not in schemes or not (parts.netloc or value.startswith("unix://")):
        # Only the scheme is shown: the rest may hold a password.
        wanted = " or ".join(schemes)
        raise SettingsError(f"{name} must begin with {wanted}://, not {parts.scheme!r}")
    return value.rstrip("/")


def path(env: Mapping[str, str], name: str) -> Path | None:
    """A path; None when it is not set."""
    value = env.get(name, "").strip()
    return Path(value) if value else None


def folder(env: Mapping[str, str], name: str) -> Path | None:
    """A folder that exists; None when it is not set."""
    found = path(env, name)
    if found is not None and not found.is_dir():
        raise SettingsError(f"{name} names no folder that exists: {str(found)!r}")
    return found


def secret(env: Mapping[str, str], name: str) -> str:
    """What the named file holds, without the white space around it."""
    file = given(env, name)
    try:
        value = Path(file).read_text().strip()
    except (OSError, UnicodeError) as failure:
        reason = getattr(failure, "strerror", None) or "not text"
        raise SettingsError(f"{name} names {file!r}, which cannot be read: {reason}") from None
    if not value:
        raise SettingsError(f"{name} names {file!r}, which is empty")
    return value


def number(env: Mapping[str, str], name: str, default: float) -> float:
    """A number that is not negative."""
    value = env.get(name, "").strip() or str(default)
    try:
        found = float(value)
    except ValueError:
        found = -1.0
    if not 0 <= found < 1e9:
        raise SettingsError(f"{name} must be a number of at least 0, not {value!r}")
    return found


def choice(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    """One of ``allowed``; the first when it is not set."""
    value = env.get(name, "").strip() or allowed[0]
    if value not in allowed:
        raise SettingsError(f"{name} must be {' or '.join(allowed)}, not {value!r}")
    return value
