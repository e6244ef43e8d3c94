"""What the pages need to know, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting is missing or makes no sense; the text names it."""


class Place(Protocol):
    """All that the pages need of any process's settings."""

    @property
    def api_url(self) -> str:
        """Where the API answers: an http or https origin without a path."""

    @property
    def charts_dir(self) -> Path | None:
        """The folder that holds the chart neurox-workload."""


@dataclass(frozen=True)
class Settings:
    """The pages in a process of their own."""

    api_url: str
    charts_dir: Path | None = None
    public_url: str = ""
    """What people type; empty: http on this machine."""

    @property
    def secure(self) -> bool:
        """People reach the pages by https."""
        return self.public_url.startswith("https://")

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings out of the environment; raises ``SettingsError``."""
        url = env.get("NEUROX_API_URL", "")
        if not url:
            raise SettingsError("NEUROX_API_URL is not set (chart value: api.url)")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"NEUROX_API_URL must be an http or https address, not {url!r}")
        folder = env.get("NEUROX_CHARTS_DIR", "")
        if folder and not Path(folder).is_dir():
            raise SettingsError(f"NEUROX_CHARTS_DIR names no folder that exists: {folder!r}")
        return cls(
            api_url=url.rstrip("/"),
            charts_dir=Path(folder) if folder else None,
            public_url=env.get("NEUROX_PUBLIC_URL", ""),
        )
