"""What ``neurox tools`` does."""

import json
import sys
from collections.abc import Sequence

from infra.tools.catalogue import DEFAULT, GROUPS, TOOLS
from infra.tools.errors import ToolError, UnknownTool
from infra.tools.toolbox import Toolbox

HELP = "Build or fetch the servers that `neurox up` runs, or only those named."
LIST_HELP = "Only show what is there and what is missing."


def run(names: Sequence[str], list_only: bool, output: str) -> None:
    """Make what is missing of ``names`` (all that ``up`` needs when empty), then say where it is.

    ``node`` among them stands for all that a real node needs.
    ``output`` is "text" or "json"; progress goes to standard error. Ends by SystemExit with 1
    when a tool cannot be had, 2 when there is none of that name, and 130 after Ctrl-C.
    """
    box = Toolbox.from_env()
    names = [tool for name in names for tool in GROUPS.get(name, (name,))]
    try:
        box.missing(names)
        if not list_only:
            box.ensure(names or DEFAULT)
            if not names:
                box.c_compiler()
        rows = [row(box, name) for name in (names or TOOLS)]
    except ToolError as refused:
        sys.stderr.write(f"neurox: {refused}\n")
        raise SystemExit(2 if isinstance(refused, UnknownTool) else 1) from None
    except KeyboardInterrupt:
        sys.stderr.write("neurox: stopped; what is compiled is kept, the next run goes on there\n")
        raise SystemExit(130) from None
    if output == "json":
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        sys.stdout.write(_table(rows))


def row(box: Toolbox, name: str) -> dict[str, str | bool | None]:
    """One tool as the JSON output shows it; ``path`` and ``source`` are null when it is missing."""
    hit = box.find(name)
    return {
        "name": name,
        "version": TOOLS[name].version,
        "default": TOOLS[name].default,
        "path": str(hit.path) if hit else None,
        "source": hit.source if hit else None,
    }


def _table(rows: list[dict[str, str | bool | None]]) -> str:
    lines = [("TOOL", "VERSION", "FROM", "PATH")]
    for entry in rows:
        absent = "missing" if entry["default"] else "when asked for"
        source, path = str(entry["source"] or absent), str(entry["path"] or "-")
        lines.append((str(entry["name"]), str(entry["version"]), source, path))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        + "\n"
        for line in lines
    )
