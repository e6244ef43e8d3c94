"""Which C compiler makes the simulated driver library."""

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.tools import wheel
from infra.tools.catalogue import ZIG_WHEEL
from infra.tools.errors import ToolError
from infra.tools.workshop import Tick, Workshop


def on_path(env: Mapping[str, str]) -> tuple[str, ...] | None:
    """CC when set, else cc, gcc or clang, as the first words of a command; None without one."""
    for candidate in (env.get("CC", ""), "cc", "gcc", "clang"):
        words = shlex.split(candidate)
        if words and (found := shutil.which(words[0], path=env.get("PATH", ""))):
            return (found, *words[1:])
    return None


def found(shop: Workshop) -> dict[str, str] | None:
    """Variables that name the compiler on PATH, else zig's when it was fetched before, or None."""
    if words := on_path(shop.env):
        return {"CC": shlex.join(words)}
    zig = wheel.folder(ZIG_WHEEL, shop) / "ziglang" / "zig"
    return _zig(zig, shop) if zig.exists() else None


def fetch(shop: Workshop, tick: Tick) -> dict[str, str]:
    """The same for zig's out of a wheel, fetched now; ToolError when it cannot be had."""
    try:
        return _zig(wheel.add(ZIG_WHEEL, shop, tick) / "ziglang" / "zig", shop)
    except ToolError as refused:
        raise ToolError(
            f"No C compiler is on PATH, and PyPI did not give the wheel {ZIG_WHEEL}. Install gcc "
            f"(on Debian: apt install gcc libc6-dev) or make PyPI reachable.\n{refused}"
        ) from refused


def _zig(program: Path, shop: Workshop) -> dict[str, str]:
    # Else it compiles the C library's stubs into a folder of its own in the home directory.
    kept = str(shop.cache.root / "zig")
    command = shlex.join((str(program), "cc"))
    return {"CC": command, "ZIG_GLOBAL_CACHE_DIR": kept, "ZIG_LOCAL_CACHE_DIR": kept}
