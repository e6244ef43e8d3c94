"""Time series for charts: fine for the drawing, coarse for the table beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, request

from portal.client import ApiError, NotSignedIn, Unavailable
from portal.pages.caller import api
from portal.pages.query import SECONDS, Query
from portal.schemas import Series

SCOPES = ("cluster", "node", "gpu", "workload", "by")
MOST_LINES = 8
_FINEST = 15

bp = Blueprint("charts", __name__)


@dataclass(frozen=True)
class Chart:
    """A chart on a page: where its data comes from, and a coarse copy as a table."""

    name: str
    source: str
    table: Series | None
    trouble: str = ""


def chart(name: str, query: Query, trouble: str = "", **scope: str) -> Chart:
    """A chart of the page's range; without data it says why instead of failing the page.

    With a ``trouble`` that is known it does not ask.
    """
    asked = {"from": query.range, **scope}
    source = Query(f"/series/{name}", {n: v for n, v in asked.items() if v})
    if trouble:
        return Chart(name, source.export("json"), None, trouble)
    try:
        table = api().series(name, to="now", step=step(query.range, 12), **asked)
    except NotSignedIn:
        raise
    except ApiError as error:
        return Chart(name, source.export("json"), None, error.problem.detail)
    except Unavailable:
        return Chart(name, source.export("json"), None, "The Neurox API does not answer.")
    return Chart(name, source.export("json"), at_most(table, MOST_LINES))


def charts(names: Iterable[str], query: Query, **scope: str) -> list[Chart]:
    """Several of one thing; once one is not to be had the others are not asked for."""
    found: list[Chart] = []
    for name in names:
        found.append(chart(name, query, found[-1].trouble if found else "", **scope))
    return found


def step(span: str, points: int) -> int:
    """Seconds between ``points`` points of a range; never finer than the scrapes."""
    return max(_FINEST, SECONDS[span] // points)


def at_most(series: Series, lines: int) -> Series:
    """The ``lines`` highest lines by their mean; the rest as one line of their mean."""
    if len(series.names) <= lines:
        return series
    order = sorted(range(len(series.names)), key=lambda i: -_mean(series.columns[i]))
    kept, rest = sorted(order[: lines - 1]), order[lines - 1 :]
    other = [_mean_or_none([series.columns[i][t] for i in rest]) for t in range(len(series.times))]
    return series.model_copy(
        update={
            "names": [*(series.names[i] for i in kept), f"other ({len(rest)})"],
            "columns": [*(series.columns[i] for i in kept), other],
        }
    )


@bp.get("/series/<name>.json")
def data(name: str) -> Response:
    """The columns of a chart, for the script that draws it."""
    series = _fine(name, request.args)
    answer = Response(series.model_dump_json(), content_type="application/json")
    answer.add_etag(weak=True)
    answer.make_conditional(request)
    return answer


def _fine(name: str, given: Mapping[str, str]) -> Series:
    query = Query.of("", given, ("from", *SCOPES))
    scope = {n: query.get(n) for n in SCOPES}
    asked = {"from": query.range, "to": "now", "step": step(query.range, 240), **scope}
    return at_most(api().series(name, **asked), MOST_LINES)


def _mean(column: list[float | None]) -> float:
    return _mean_or_none(column) or 0.0


def _mean_or_none(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
