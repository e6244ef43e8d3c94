"""What the web process is told from outside, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from controllers.store.address import AddressError, with_password


class SettingsError(Exception):
    """A setting is missing or wrong; the message names the variable and the value."""


@dataclass(frozen=True)
class Settings:
    """Settings of pages, api and auth. URLs carry no trailing slash."""

    redis_url: str
    thanos_url: str
    """Thanos query; http."""
    api_url: str
    """Where the pages reach /api/v1 and /auth."""
    public_url: str
    """What people type; decides the cookie's name and which Origin is ours."""
    relay_public_url: str
    """What a joining cluster dials."""
    relay_ca_file: Path | None = None
    """The CA of the relay's certificate; None: one that every system trusts."""
    charts_dir: Path | None = None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read the ``NEUROX_`` variables; SettingsError names the first that will not do."""
        public = _url(env, "NEUROX_PUBLIC_URL", ("http", "https"))
        return cls(
            redis_url=redis_url(env),
            thanos_url=_url(env, "NEUROX_THANOS_URL", ("http", "https")),
            api_url=_url(env, "NEUROX_API_URL", ("http", "https"), public),
            public_url=public,
            relay_public_url=_url(env, "NEUROX_RELAY_PUBLIC_URL", ("https",)),
            relay_ca_file=_path(env, "NEUROX_RELAY_CA_FILE", directory=False),
            charts_dir=_path(env, "NEUROX_CHARTS_DIR", directory=True),
        )

    @property
    def secure(self) -> bool:
        """People reach Neurox by https."""
        return self.public_url.startswith("https://")


def redis_url(env: Mapping[str, str]) -> str:
    """Where Redis is, with its password. SettingsError."""
    try:
        return with_password(_url(env, "NEUROX_REDIS_URL", ("redis", "rediss", "unix")), env)
    except AddressError as error:
        raise SettingsError(str(error)) from None


def _url(
    env: Mapping[str, str], name: str, schemes: tuple[str, ...], default: str | None = None
) -> str:
    value = env.get(name) or default
    if value is None:
        raise SettingsError(f"{name} is not set; it takes a URL beginning with {schemes[0]}://")
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.netloc or parts.scheme == "unix"):
        # The value may hold a password: only its scheme is repeated.
        raise SettingsError(
            f"{name} must be a URL beginning with {schemes[0]}://, not with {value[:8]!r}"
        )
    return value.rstrip("/")


def _path(env: Mapping[str, str], name: str, *, directory: bool) -> Path | None:
    value = env.get(name)
    if not value:
        return None
    path = Path(value)
    if not (path.is_dir() if directory else path.is_file()):
        kind = "folder" if directory else "file"
        raise SettingsError(f"{name} names no {kind} that exists: {value!r}")
    return path
