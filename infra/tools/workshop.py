"""What every build and download needs to know of its surroundings."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.tools.cache import Cache

SOURCES = Path(__file__).parent
"""Where the folders with go.mod and go.sum lie."""

Tick = Callable[[str], None]
"""Called several times a second with the last line of a running command's log."""


@dataclass(frozen=True)
class Workshop:
    """The cache to fill, the caller's environment, and the pinned sources."""

    cache: Cache
    env: Mapping[str, str]
    sources: Path = SOURCES

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Workshop":
        """That of this machine; reads NEUROX_CACHE and XDG_CACHE_HOME."""
        chosen = os.environ if env is None else env
        return cls(Cache.from_env(chosen), chosen)
