"""What `status` and `logs` show of a fleet."""

import difflib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from infra.local import record
from infra.local.errors import NOT_FOUND, LocalError
from infra.local.lock import holder
from infra.local.log_file import LogFile, tail

FOLLOW_SECONDS = 0.2


def status(folder: Path, as_json: bool) -> int:
    """Print what runs; the exit status: 3 when nothing does."""
    running = holder(folder)
    last = record.read(folder) if running else None
    if as_json:
        found = asdict(last) if last else {"processes": []}
        for row in found["processes"]:
            row["log"] = str(LogFile(folder / "logs", row["name"]).path)
        sys.stdout.write(
            json.dumps({"running": running is not None, "state": str(folder), **found}) + "\n"
        )
    elif last is None:
        said = "starting" if running else "not running; `neurox up` starts it"
        sys.stdout.write(f"neurox is {said} (state: {folder})\n")
    else:
        sys.stdout.write(table(last, folder, time.time()))
    return 0 if running else NOT_FOUND


def table(last: record.Record, folder: Path, now: float) -> str:
    """The record as aligned lines."""
    where = last.url or "no address yet"
    head = f"neurox is {last.phase} at {where} (pid {last.pid}, state: {folder})\n\n"
    rows = [("NAME", "STATE", "FOR", "RESTARTS", "PID")]
    rows += [
        (row.name, row.state, span(now - row.since), str(row.restarts), str(row.pid or "-"))
        for row in last.processes
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return head + "\n".join(lines) + "\n"


def span(seconds: float) -> str:
    """``42s``, ``3m``, ``5h`` or ``2d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def logs(folder: Path, name: str, lines: int, follow: Callable[[], bool] | None) -> None:
    """Print the last lines of a process's log, then what is added while ``follow()`` is true."""
    path = LogFile(folder / "logs", name).path
    if not path.is_file():
        raise LocalError(_no_such_log(folder / "logs", name), NOT_FOUND)
    position = path.stat().st_size
    for line in tail(path, lines):
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    while follow is not None and follow():
        position = _print_from(path, position)
        time.sleep(FOLLOW_SECONDS)


def _print_from(path: Path, position: int) -> int:
    size = path.stat().st_size if path.exists() else 0
    if size < position:
        position = 0  # put aside or emptied meanwhile
    if size > position:
        with path.open("rb") as file:
            file.seek(position)
            text = file.read(size - position)
        sys.stdout.write(text.decode(errors="replace"))
        sys.stdout.flush()
    return size


def _no_such_log(folder: Path, name: str) -> str:
    names = sorted(
        str(path.relative_to(folder)).removesuffix(".log") for path in folder.rglob("*.log")
    )
    if not names:
        return f"there are no logs in {folder}; `neurox up` makes them."
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    near = near or [one for one in names if name in one][:1]
    hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names)}"
    return f"no log of {name!r}; {hint}"
