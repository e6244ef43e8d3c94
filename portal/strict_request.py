"""Request bodies read strictly: what is ambiguous or cannot be stored is refused at the door."""

import json
import math
import re
from typing import Any, NoReturn

from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

DEPTH_LIMIT = 32
BODY_LIMIT = 1024 * 1024
"""Bytes; the apps set it as MAX_CONTENT_LENGTH, so that more is answered 413."""

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
_UNSAFE = re.compile("[\x00\ud800-\udfff]")


class BadField(BadRequest):
    """A place in the body holds what cannot be taken."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field[:200] or 'the body'}: {why}")
        self.field = field[:200]


class _Bad:
    """Stands where a value cannot be taken, until the path to it is known."""

    def __init__(self, why: str) -> None:
        self.why = why


class StrictRequest(Request):
    """A Flask request whose ``get_json`` refuses by 400 or 415 what other parsers let through."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body; only ``application/json`` in UTF-8, whatever the arguments say."""
        del force, silent, cache
        if self.mimetype != "application/json":
            sent = self.mimetype or "none"
            raise UnsupportedMediaType(f"Content-Type must be application/json, not {sent}")
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise UnsupportedMediaType("a compressed body is not accepted; send it as it is")
        return parse(self.get_data())


def parse(body: bytes) -> Any:
    """The JSON value of ``body``; BadRequest says what is wrong and where."""
    if not body.strip():
        raise BadRequest("the body is empty; a JSON document is expected")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise BadRequest(f"the body is not UTF-8: byte {wrong.start} begins no character") from None
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=lambda name: _Bad(f"{name} is not a JSON number"),
            parse_float=_float,
            parse_int=_integer,
        )
    except json.JSONDecodeError as wrong:
        place = f"line {wrong.lineno}, column {wrong.colno}"
        raise BadRequest(f"the body is not JSON: {wrong.msg} at {place}") from None
    _check(value, "")
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub('""', text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise BadRequest(f"the body is nested over {DEPTH_LIMIT} levels deep")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                found[name] = _Bad("duplicate key")
            seen.add(name)
    return found


def _float(text: str) -> float | _Bad:
    number = float(text)
    return number if math.isfinite(number) else _Bad(f"{text[:20]} is too large for a number")


def _integer(text: str) -> int | _Bad:
    if len(text) > 19 or abs(int(text)) >= 2**63:
        return _Bad(f"an integer of {len(text)} digits is too large; the limit is 2^63")
    return int(text)


def _check(value: Any, path: str) -> None:
    if isinstance(value, dict):
        for name, item in value.items():
            if _UNSAFE.search(name):
                _refuse(path, "a key holds NUL or half of a surrogate pair")
            _check(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, f"{path}[{index}]")
    elif isinstance(value, str) and _UNSAFE.search(value):
        _refuse(path, "text must hold neither NUL nor half of a surrogate pair")
    elif isinstance(value, _Bad):
        _refuse(path, value.why)


def _refuse(path: str, why: str) -> NoReturn:
    raise BadField(path, why)
