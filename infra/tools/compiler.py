"""Which C compiler makes the simulated driver library."""

import shlex
import shutil
from collections.abc import Mapping

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


def c_compiler(shop: Workshop, tick: Tick = lambda _: None) -> tuple[str, ...]:
    """The compiler on PATH, else zig's out of a wheel; ToolError when neither can be had."""
    if words := on_path(shop.env):
        return words
    try:
        return (str(wheel.add(ZIG_WHEEL, shop, tick) / "ziglang" / "zig"), "cc")
    except ToolError as refused:
        raise ToolError(
            f"No C compiler is on PATH, and PyPI did not give the wheel {ZIG_WHEEL}. Install gcc "
            f"(on Debian: apt install gcc libc6-dev) or make PyPI reachable.\n{refused}"
        ) from refused
