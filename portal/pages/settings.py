"""What the pages need to know, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """A setting is missing or makes no sense; the text names it."""


class Place(Protocol):
    """All that the pages need of any process's settings."""

    @property
    def api_url(self) -> str:
        """Where the API answers: an http or https origin without a path."""


@dataclass(frozen=True)
class Settings:
    """The pages in a process of their own."""

    api_url: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Settings out of the environment; raises ``SettingsError``."""
        url = env.get("NEUROX_API_URL", "")
        if not url:
            raise SettingsError("NEUROX_API_URL is not set (chart value: api.url)")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SettingsError(f"NEUROX_API_URL must be an http or https address, not {url!r}")
        return cls(api_url=url.rstrip("/"))
