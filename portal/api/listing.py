"""Lists: filter, search, sort and cut into pages, the same way for every noun."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin
from urllib.parse import urlencode

from flask import Response, request
from pydantic import BaseModel

from controllers.domain.names import unknown
from portal.api.answer import JSON, BadQuery, written
from portal.api.cursor import Forged, opened, sealed
from portal.api.stores import stores
from portal.schemas import Page

LIMIT = 50
LIMIT_MOST = 500

Out = TypeVar("Out", bound=BaseModel)
Key = list[Any]
Order = list[tuple[str, bool]]
"""Fields, and whether each descends."""
MOMENT_OF = {
    "age_seconds": "submitted_at",
    "report_age_seconds": "reported_at",
    "sample_age_seconds": "sampled_at",
}
"""Ages grow while pages are read: an order by one goes by the moment that it counts from."""


@dataclass(frozen=True)
class Noun(Generic[Out]):
    """What can be listed: its name, model, what identifies an item, and what can be filtered."""

    name: str
    model: type[Out]
    identity: tuple[str, ...]
    filters: tuple[str, ...]
    order: str
    """Sorting when none is asked for."""


def listing(noun: Noun[Out], items: Iterable[Out]) -> Response:
    """The page of ``items`` that the query asks for."""
    _check_names(noun)
    order = _order(noun)
    limit = _limit()
    chosen, text = _chosen(noun), request.args.get("q", "").casefold()
    kept = [item for item in items if _wanted(item, chosen, text)]
    for field, descending in reversed(order):
        kept = _sorted(kept, field, descending)
    start = _start(noun, order, kept)
    shown = kept[start : start + limit]
    more = start + limit < len(kept)
    cursor = _cursor(noun, order, shown[-1]) if more and shown else None
    page = Page[Any](items=shown, next_cursor=cursor, total=len(kept))
    answer = Response(written(page), content_type=JSON)
    if cursor:
        query = urlencode({**request.args.to_dict(), "cursor": cursor})
        answer.headers["Link"] = f'<{request.script_root}{request.path}?{query}>; rel="next"'
    return answer


def _sorted(items: list[Out], field: str, descending: bool) -> list[Out]:
    """Stable; None comes last in both directions: unknown is neither most nor least."""
    known = [item for item in items if getattr(item, field) is not None]
    known.sort(key=lambda item: _rank(getattr(item, field)), reverse=descending)
    return known + [item for item in items if getattr(item, field) is None]


def _check_names(noun: Noun[Out]) -> None:
    known = {"limit", "cursor", "sort", "q", *noun.filters}
    for name in request.args:
        if name not in known:
            raise BadQuery(name[:60], str(unknown("query parameter", name[:60], known)))
        if name not in noun.filters and len(request.args.getlist(name)) > 1:
            raise BadQuery(name, f"{name} is given more than once")


def _limit() -> int:
    text = request.args.get("limit", str(LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) < 5 and 1 <= int(text) <= LIMIT_MOST):
        raise BadQuery("limit", f"limit must be 1 to {LIMIT_MOST}, not {text!r:.40}")
    return int(text)


def _order(noun: Noun[Out]) -> Order:
    """What was asked for, then the identity, so that no two are equal."""
    asked = request.args.get("sort") or noun.order
    order = []
    for part in asked.split(",")[:5]:
        field = part.removeprefix("-")
        if field not in _sortable(noun):
            raise BadQuery("sort", str(unknown("sort field", field[:60], _sortable(noun))))
        moment = MOMENT_OF.get(field)
        order.append((moment or field, part.startswith("-") != bool(moment)))
    taken = {field for field, _ in order}
    return [*order, *((field, False) for field in noun.identity if field not in taken)]


def _sortable(noun: Noun[Out]) -> list[str]:
    fields = noun.model.model_fields.items()
    return [name for name, field in fields if _is_scalar(field.annotation)]


def _is_scalar(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return all(map(_is_scalar, get_args(annotation)))
    if get_origin(annotation) is Literal:
        return True
    return annotation in (str, int, float, bool, datetime, NoneType)


def _chosen(noun: Noun[Out]) -> dict[str, list[str]]:
    """Filter to the values that pass; an empty filter is none."""
    given = {name: ",".join(request.args.getlist(name)) for name in noun.filters}
    chosen = {name: text.split(",") for name, text in given.items() if text}
    for name, values in chosen.items():
        annotation = noun.model.model_fields[name].annotation
        known = get_args(annotation) if get_origin(annotation) is Literal else values
        for value in values:
            if value not in known:
                raise BadQuery(name, str(unknown(name, value, known)))
    return chosen


def _wanted(item: BaseModel, chosen: dict[str, list[str]], text: str) -> bool:
    if not all(_has(getattr(item, name), values) for name, values in chosen.items()):
        return False
    return not text or any(text in value.casefold() for _, value in item if isinstance(value, str))


def _has(value: Any, wanted: Sequence[str]) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(each in wanted for each in values)


def _rank(value: Any) -> Any:
    """Something that compares and that JSON can carry, for whatever a field holds."""
    if isinstance(value, datetime):
        return value.timestamp()
    return value.casefold() if isinstance(value, str) else value


def _cursor(noun: Noun[Out], order: Order, last: Out) -> str:
    key = [_rank(getattr(last, field)) for field, _ in order]
    return sealed(stores().shared_key.value(), [noun.name, _spelled(order), key])


def _spelled(order: Order) -> str:
    return ",".join(("-" if descending else "") + field for field, descending in order)


def _start(noun: Noun[Out], order: Order, items: Sequence[Out]) -> int:
    """Where the next page begins: after the cursor's place, even if that item is gone."""
    text = request.args.get("cursor")
    if not text:
        return 0
    try:
        name, spelled, key = opened(stores().shared_key.value(), text)
    except Forged:
        raise _foreign_cursor() from None
    if (name, spelled) != (noun.name, _spelled(order)):
        raise _foreign_cursor()
    return next((i for i, item in enumerate(items) if _after(item, key, order)), len(items))


def _foreign_cursor() -> BadQuery:
    return BadQuery("cursor", "cursor is not one that this list gave out with this sorting")


def _after(item: BaseModel, key: Key, order: Order) -> bool:
    for (field, descending), place in zip(order, key, strict=True):
        rank = _rank(getattr(item, field))
        if rank == place:
            continue
        if rank is None or place is None:
            return rank is None
        return bool(rank > place) != descending
    return False
