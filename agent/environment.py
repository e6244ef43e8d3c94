"""Values of the environment: each is read into what it means, or refused by its name."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

Environment = Mapping[str, str]

INTERVAL_SECONDS = 0.1, 10.0
"""The least and the most."""

_HOST = r"(\[[0-9a-fA-F:.]+\]|(?:[\w-]{1,63}\.)*[\w-]{1,63})"
_ADDRESS = re.compile(rf"{_HOST}:(\d{{1,5}})", re.ASCII)
_URL = re.compile(rf"https?://{_HOST}(?::(\d{{1,5}}))?(?:/[^\s?#]*)?", re.ASCII | re.IGNORECASE)
_PASSWORD = re.compile(r"//[^/]*@")
_NODE = re.compile(r"[\w.-]{1,253}", re.ASCII)
_PORT_MOST = 65535


_T = TypeVar("_T")


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it, its value and what it should be."""


def if_set(read: Callable[[Environment, str], _T], env: Environment, name: str) -> _T | None:
    """None when it is not."""
    return read(env, name) if env.get(name) else None


def node(env: Environment, name: str) -> str:
    """The name of a node: what Kubernetes allows and more, but nothing that ends a selector."""
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set: give the name of this node")
    if not _NODE.fullmatch(value):
        rule = "at most 253 letters, digits, dashes, dots and underscores"
        raise SettingsError(f"{name} must be the name of this node, {rule}, not {value!r}")
    return value


def address(env: Environment, name: str) -> tuple[str, int]:
    """A host, or an IPv6 address in brackets, and a port, which 0 leaves to the kernel."""
    found = _ADDRESS.fullmatch(env[name])
    if not found or int(found[2]) > _PORT_MOST:
        rule = f"HOST:PORT with a port of 0 to {_PORT_MOST} (0.0.0.0 is every address)"
        raise SettingsError(f"{name} must be {rule}, not {env[name]!r}")
    return found[1].strip("[]"), int(found[2])


def joined(host: str, port: int | str) -> str:
    """HOST:PORT, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def url(env: Environment, name: str) -> str:
    """The URL of a server that is asked for more than one thing."""
    found = _URL.fullmatch(env[name])
    if not found or not 1 <= int(found[2] or 1) <= _PORT_MOST:
        rule = f"https://HOST[:PORT][/PATH] with a port of 1 to {_PORT_MOST}"
        shown = _PASSWORD.sub("//***@", env[name])
        raise SettingsError(f"{name} must be in-cluster or a URL, {rule}, not {shown!r}")
    return env[name]


def seconds(env: Environment, name: str) -> float:
    """The time between two readings."""
    least, most = INTERVAL_SECONDS
    try:
        found = float(env[name])
    except ValueError:
        found = 0.0
    if not least <= found <= most:
        raise SettingsError(f"{name} must be {least:g} to {most:g} seconds, not {env[name]!r}")
    return found


def folder(env: Environment, name: str) -> Path:
    """A folder that exists."""
    found = Path(env[name])
    if not found.is_dir():
        raise SettingsError(f"{name} must be an existing folder, not {env[name]!r}")
    return found


def file(env: Environment, name: str) -> Path:
    """A file that exists."""
    found = Path(env[name])
    if not found.is_file():
        raise SettingsError(f"{name} must be an existing file, not {env[name]!r}")
    return found


def path(env: Environment, name: str) -> Path:
    """Of what may come later; its reader tells when it is not there."""
    if not env[name].startswith("/"):
        raise SettingsError(f"{name} must be a path that begins with /, not {env[name]!r}")
    return Path(env[name])


def truth(env: Environment, name: str) -> bool:
    """A yes or no."""
    return choice(env, name, ("true", "false")) == "true"


def choices(env: Environment, name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Any of ``allowed``, separated by commas; none where it is empty."""
    given = tuple(part.strip() for part in env[name].split(",") if part.strip())
    if not set(given) <= set(allowed):
        rule = f"any of {', '.join(allowed)}, separated by commas"
        raise SettingsError(f"{name} must be {rule}, not {env[name]!r}")
    return given


def choice(env: Environment, name: str, allowed: tuple[str, ...]) -> str:
    """One of ``allowed``."""
    if env[name] not in allowed:
        rule = f"{', '.join(allowed[:-1])} or {allowed[-1]}"
        raise SettingsError(f"{name} must be {rule}, not {env[name]!r}")
    return env[name]
