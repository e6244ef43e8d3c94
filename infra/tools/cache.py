"""Where tools and what they are made of are kept between runs."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cache:
    """One folder that can be deleted at any time; everything in it can be made again."""

    root: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Cache":
        """NEUROX_CACHE, else ``neurox`` in XDG_CACHE_HOME, else ``~/.cache/neurox``."""
        if chosen := env.get("NEUROX_CACHE"):
            return cls(Path(chosen).expanduser().absolute())
        base = env.get("XDG_CACHE_HOME") or "~/.cache"
        return cls(Path(base).expanduser().absolute() / "neurox")

    @property
    def tools(self) -> Path:
        """Finished programs, a folder for each name, version and way of building."""
        return self.root / "tools"

    @property
    def logs(self) -> Path:
        """The output of the last build of each tool."""
        return self.root / "logs"

    @property
    def wheels(self) -> Path:
        """Toolchains that came as wheels."""
        return self.root / "wheels"

    @property
    def go_build(self) -> Path:
        """GOCACHE: compiled packages, which make a broken-off build go on where it stood."""
        return self.root / "go" / "build"

    @property
    def go_mod(self) -> Path:
        """GOMODCACHE: downloaded modules."""
        return self.root / "go" / "mod"

    @property
    def go_tmp(self) -> Path:
        """GOTMPDIR: what a killed build leaves behind lies here and is swept by the next."""
        return self.root / "go" / "tmp"

    @property
    def lock(self) -> Path:
        """Held by the one process that builds."""
        return self.root / "tools.lock"

    def free_bytes(self) -> int:
        """Room left on the disk of the cache."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free
