"""What all tables share: the columns, the filters, and the three forms of one address."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from flask import Blueprint, Response, request
from pydantic import BaseModel

from portal.client.resources import Resource
from portal.pages.caller import api
from portal.pages.exports import as_csv, as_json
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import Page

VIEW = ("sort", "cursor", "page_size", "refresh")


@dataclass(frozen=True)
class Column:
    """One column: the field it shows and sorts by, and its head."""

    key: str
    label: str
    numeric: bool = False
    sortable: bool = True


@dataclass(frozen=True)
class Listing:
    """A table page: its noun is also its path, its template and the API's resource."""

    noun: str
    title: str
    model: type[BaseModel]
    columns: tuple[Column, ...]
    filters: tuple[str, ...] = ("q",)
    states: tuple[str, ...] = ()
    sort: str = "name"
    choices: bool = False
    """Whether the page offers a choice of clusters."""
    notice: Callable[[Any], bool] | None = None
    """Of which items, on whatever page, the head of the page tells that there is one."""

    @property
    def resource(self) -> Resource[Any]:
        """The API's list of it, as the caller."""
        found: Resource[Any] = getattr(api(), self.noun)
        return found

    def query(self) -> Query:
        """What the address asks for."""
        return Query.of(f"/{self.noun}", request.args, (*self.filters, *VIEW))

    def asked(self, query: Query) -> dict[str, str]:
        """The filters and the order, as the API takes them."""
        filters = {name: query.get(name) for name in self.filters}
        return {**filters, "sort": query.get("sort", self.sort)}


def blueprint(listing: Listing) -> Blueprint:
    """The pages ``/noun``, ``/noun.csv`` and ``/noun.json``."""
    bp = Blueprint(listing.noun, __name__)

    def show() -> Response:
        return _show(listing)

    def as_csv_file() -> Response:
        items = listing.resource.all(**listing.asked(listing.query()))
        return as_csv(listing.noun, listing.model, items)

    def as_json_file() -> Response:
        return as_json(listing.noun, listing.resource.all(**listing.asked(listing.query())))

    routes: dict[str, Callable[[], Response]] = {
        "": show,
        ".csv": as_csv_file,
        ".json": as_json_file,
    }
    for suffix, view in routes.items():
        bp.add_url_rule(f"/{listing.noun}{suffix}", view.__name__, view)
    return bp


def _show(listing: Listing) -> Response:
    query = listing.query()
    rows = listing.resource.list(
        **listing.asked(query), limit=query.page_size, cursor=query.get("cursor")
    )
    clusters = [c.name for c in api().clusters.list(limit=500).items] if listing.choices else []
    return page(
        f"{listing.noun}.html",
        query=query,
        listing=listing,
        rows=rows,
        clusters=clusters,
        notice=_noticed(listing, query, rows),
        oldest=_oldest(rows.items),
        filtered=[name for name in listing.filters if query.get(name)],
        simulated=any(getattr(item, "simulated", False) for item in rows.items),
    )


def _noticed(listing: Listing, query: Query, rows: Page[Any]) -> bool:
    """The rows tell it where they are all there is; else the API is asked for all."""
    if listing.notice is None:
        return False
    shown = any(map(listing.notice, rows.items))
    narrowed = rows.total > len(rows.items) or any(map(query.get, listing.filters))
    return shown or (narrowed and any(map(listing.notice, listing.resource.all())))


def _oldest(items: Sequence[BaseModel]) -> BaseModel | None:
    """The item whose report is oldest, where the page's head should tell it."""
    known = [item for item in items if getattr(item, "report_age_seconds", None) is not None]
    return max(known, key=attrgetter("report_age_seconds"), default=None)
