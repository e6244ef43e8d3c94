"""How answers are written: for people, and for programs."""

import csv
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from portal.cli.columns import Column, Noun
from portal.cli.text import clean

if TYPE_CHECKING:
    from pydantic import BaseModel

Format = Literal["table", "wide", "json", "yaml", "csv", "name"]

GREEN, YELLOW, RED = "32", "33", "31"
COLOURS = {
    **dict.fromkeys(("Running", "Succeeded", "connected", "ready", "busy"), GREEN),
    **dict.fromkeys(("Queued", "Starting", "Stopping", "waiting", "idle", "cordoned"), YELLOW),
    **dict.fromkeys(("Failed", "Invalid", "lost", "revoked", "fault", "not ready", "stale"), RED),
}


def items(noun: Noun, found: Sequence["BaseModel"], form: Format) -> str:
    """A list of ``noun`` as text that ends with a line break, or empty."""
    if form in ("json", "yaml"):
        return document({"items": [_plain(item) for item in found]}, form)
    if form == "name":
        return "".join(f"{clean(noun.identity(item))}\n" for item in found)
    if form == "csv":
        return _csv(noun.columns, found)
    columns = [column for column in noun.columns if form == "wide" or not column.wide]
    return table(columns, found, colour=colourful()) if found else ""


def item(noun: Noun, found: "BaseModel", form: Format) -> str:
    """One item of ``noun``."""
    if form in ("json", "yaml"):
        return document(_plain(found), form)
    return items(noun, [found], form)


def document(value: object, form: Literal["json", "yaml"]) -> str:
    """Plain data as JSON or YAML."""
    if form == "json":
        # ASCII only: what a terminal could act on is escaped.
        return json.dumps(value, indent=2) + "\n"
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False))


def table(columns: Sequence[Column], found: Sequence[object], colour: bool = False) -> str:
    """Aligned columns under headings."""
    rows = [[clean(column.show(item)) for column in columns] for item in found]
    headings = [column.heading for column in columns]
    widths = [max(map(len, cells)) for cells in zip(headings, *rows, strict=True)]
    lines = [_line(headings, widths, colour=False)]
    lines += [_line(row, widths, colour) for row in rows]
    return "".join(f"{line}\n" for line in lines)


def note(text: str) -> None:
    """A word to the person, apart from the answer."""
    sys.stderr.write(f"{text}\n")


def colourful() -> bool:
    """Whether standard output is a terminal that wants colour."""
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _line(cells: Sequence[str], widths: Sequence[int], colour: bool) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = padded[-1].rstrip()
    if colour:
        padded = [
            f"\x1b[{COLOURS[cell]}m{text}\x1b[0m" if cell in COLOURS else text
            for cell, text in zip(cells, padded, strict=True)
        ]
    return "   ".join(padded).rstrip()


def _csv(columns: Sequence[Column], found: Sequence["BaseModel"]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.heading.lower().replace(" ", "_") for column in columns])
    for each in found:
        writer.writerow([_cell(clean(column.show(each))) for column in columns])
    return text.getvalue()


def _cell(text: str) -> str:
    """A spreadsheet would run what begins like a formula."""
    return f"'{text}" if text != "-" and text.startswith(("=", "+", "-", "@")) else text


def _plain(found: "BaseModel") -> object:
    return found.model_dump(mode="json", by_alias=True)
