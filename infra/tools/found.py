"""Programs that are there already: ours in the cache, or somebody else's of a fitting version."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.tools import build, version, wheel
from infra.tools.catalogue import GoBuild, InstalledWheel, Tool
from infra.tools.workshop import Workshop


@dataclass(frozen=True)
class Found:
    """A program to use and where it came from."""

    path: Path
    source: str


def home(tool: Tool, shop: Workshop) -> Path:
    """Where the cache keeps ``tool`` once it is made."""
    mark = tool.source
    suffix = f"-{build.fingerprint(mark, shop.sources)}" if isinstance(mark, GoBuild) else ""
    return shop.cache.tools / f"{tool.name}-{tool.version}{suffix}" / tool.name


def find(tool: Tool, shop: Workshop) -> Found | None:
    """The first that fits: KUBEBUILDER_ASSETS, our own, a Python package's, PATH."""
    if hit := _on(tool, "KUBEBUILDER_ASSETS", shop.env):
        return hit
    own = home(tool, shop)
    if own.exists():
        return Found(own, "cache")
    if isinstance(tool.source, InstalledWheel) and (inside := wheel.installed(tool.source)):
        return Found(inside, tool.source.module)
    return _on(tool, "PATH", shop.env)


def misfit(tool: Tool, env: Mapping[str, str]) -> str | None:
    """A sentence on a program of that name which is there and is not used, or None."""
    for variable in ("KUBEBUILDER_ASSETS", "PATH"):
        hit = _which(tool, variable, env)
        if hit and not _fits(tool, hit, env):
            said = version.parse(version.ask(hit, tool.version_args, env))
            is_one = ".".join(map(str, said)) if said else "of no known version"
            return f"{hit} is {is_one}, not {tool.version}: not used."
    return None


def _on(tool: Tool, variable: str, env: Mapping[str, str]) -> Found | None:
    hit = _which(tool, variable, env)
    return Found(hit, variable) if hit and _fits(tool, hit, env) else None


def _which(tool: Tool, variable: str, env: Mapping[str, str]) -> Path | None:
    # An empty path would make `which` look where this process was started.
    hit = shutil.which(tool.name, path=env[variable]) if env.get(variable) else None
    return Path(hit) if hit else None


def _fits(tool: Tool, program: Path, env: Mapping[str, str]) -> bool:
    return version.fits(tool, version.ask(program, tool.version_args, env))
