"""The rows of a table as a file, streamed: CSV with spreadsheet formulas disarmed, or JSON."""

import csv
import io
import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

from flask import Response, stream_with_context
from pydantic import BaseModel

from portal.client import ApiError, Unavailable

MOST_ROWS = 1_000_000
# What makes a spreadsheet take a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_CUT = "The rest is missing: the API stopped answering."
_GUARD = f"The rest is left out: {MOST_ROWS} rows are the most in one file."


def as_csv(name: str, model: type[BaseModel], items: Iterator[BaseModel]) -> Response:
    """All ``items`` with their fields as columns; units are in the names."""
    fields = list(model.model_fields)
    # The first row now: a refusal must become an error page, not half a file.
    rows = _peeked(items)
    return _file(_csv_lines(fields, rows), f"{name}.csv", "text/csv; charset=utf-8")


def as_json(name: str, items: Iterator[BaseModel]) -> Response:
    """All ``items`` as one JSON array."""
    return _file(_json_parts(_peeked(items)), f"{name}.json", "application/json")


def cell(value: Any) -> str:
    """One CSV cell; text that a spreadsheet would run gets a leading apostrophe."""
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    return str(value)


def _csv_lines(fields: list[str], items: Iterator[BaseModel]) -> Iterator[str]:
    yield _line(fields)
    try:
        for row, item in enumerate(items):
            if row == MOST_ROWS:
                yield _line([_GUARD])
                return
            values = item.model_dump(mode="json")
            yield _line([cell(values[field]) for field in fields])
    except (ApiError, Unavailable):
        yield _line([_CUT])


def _json_parts(items: Iterator[BaseModel]) -> Iterator[str]:
    # A break in the middle leaves the array open, so no reader takes it for the whole.
    start = "["
    for row, item in enumerate(items):
        if row == MOST_ROWS:
            break
        yield start + item.model_dump_json()
        start = ",\n"
    yield "]" if start != "[" else "[]"


def _line(cells: list[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _peeked(items: Iterator[BaseModel]) -> Iterator[BaseModel]:
    try:
        first = next(items)
    except StopIteration:
        return iter(())
    return chain((first,), items)


def _file(parts: Iterator[str], name: str, kind: str) -> Response:
    # The client lives until the request ends, so the body is read within it.
    return Response(
        stream_with_context(parts),
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="neurox-{name}"'},
    )
