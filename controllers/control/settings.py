"""What the control-manager is told at its start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from controllers.store.address import AddressError, with_password


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and the value."""


@dataclass(frozen=True)
class Settings:
    """Addresses of what it talks to, and the token that the relay-server wants."""

    redis_url: str
    thanos_url: str
    relay_url: str
    relay_token: str
    listen_host: str
    listen_port: int
    invitations_dir: Path | None = None
    """A folder with a file for each cluster that was invited where Neurox is installed."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings from NEUROX_ variables; SettingsError when one cannot be used."""
        host, port = _address("NEUROX_CONTROL_LISTEN", env)
        return cls(
            redis_url=_redis(env),
            thanos_url=_url("NEUROX_THANOS_URL", env, ("http", "https")),
            relay_url=_url("NEUROX_RELAY_URL", env, ("http", "https")),
            relay_token=_secret("NEUROX_RELAY_TOKEN_FILE", env),
            listen_host=host,
            listen_port=port,
            invitations_dir=_folder("NEUROX_INVITATIONS_DIR", env),
        )


def _given(name: str, env: Mapping[str, str]) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise SettingsError(f"{name} is not set")
    return value


def _url(name: str, env: Mapping[str, str], schemes: tuple[str, ...]) -> str:
    value = _given(name, env)
    scheme = urlsplit(value).scheme
    if scheme not in schemes or "://" not in value:
        # Only the scheme is shown: the rest may hold a password.
        raise SettingsError(f"{name} must begin with {' or '.join(schemes)}://, not {scheme!r}")
    return value.rstrip("/")


def _redis(env: Mapping[str, str]) -> str:
    try:
        return with_password(_url("NEUROX_REDIS_URL", env, ("redis", "rediss", "unix")), env)
    except AddressError as error:
        raise SettingsError(str(error)) from None


def _address(name: str, env: Mapping[str, str]) -> tuple[str, int]:
    value = _given(name, env)
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise SettingsError(f"{name} must be host:port, not {value!r}")
    return host.strip("[]"), int(port)


def _folder(name: str, env: Mapping[str, str]) -> Path | None:
    value = env.get(name, "").strip()
    if value and not Path(value).is_dir():
        raise SettingsError(f"{name} names no folder that exists: {value!r}")
    return Path(value) if value else None


def _secret(name: str, env: Mapping[str, str]) -> str:
    path = _given(name, env)
    try:
        secret = Path(path).read_text().strip()
    except (OSError, UnicodeError) as failure:
        raise SettingsError(f"{name} names {path!r}, which cannot be read: {failure}") from failure
    if not secret:
        raise SettingsError(f"{name} names {path!r}, which is empty")
    return secret
