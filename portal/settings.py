"""What the web process is told from outside, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controllers import environment
from controllers.environment import SettingsError
from controllers.store.address import redis_url

HTTP = ("http", "https")


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
        public = _url(env, "NEUROX_PUBLIC_URL")
        return cls(
            redis_url=redis_url(env),
            thanos_url=_url(env, "NEUROX_THANOS_URL"),
            api_url=_url(env, "NEUROX_API_URL", default=public),
            public_url=public,
            relay_public_url=_url(env, "NEUROX_RELAY_PUBLIC_URL", ("https",)),
            relay_ca_file=_path(env, "NEUROX_RELAY_CA_FILE", directory=False),
            charts_dir=_path(env, "NEUROX_CHARTS_DIR", directory=True),
        )

    @property
    def secure(self) -> bool:
        """People reach Neurox by https."""
        return self.public_url.startswith("https://")


def _url(
    env: Mapping[str, str], name: str, schemes: tuple[str, ...] = HTTP, default: str = ""
) -> str:
    return environment.url({name: env.get(name) or default}, name, schemes)


def _path(env: Mapping[str, str], name: str, *, directory: bool) -> Path | None:
    value = env.get(name)
    if not value:
        return None
    path = Path(value)
    if not (path.is_dir() if directory else path.is_file()):
        kind = "folder" if directory else "file"
        raise SettingsError(f"{name} names no {kind} that exists: {value!r}")
    return path
