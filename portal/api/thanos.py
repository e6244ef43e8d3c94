"""Ranges of numbers out of Thanos, by its query API."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from controllers.domain.errors import Unreachable

CONNECT_SECONDS = 2.0
QUERY_SECONDS = 10
AT_ONCE = 8
"""More queries than this only wait for each other inside Thanos."""
LOOKBACK = "45s"
"""A last sample older than this is not drawn on: the line ends when its source did."""


@dataclass(frozen=True)
class Span:
    """The times asked for: epoch seconds and the seconds between two of them."""

    start: int
    end: int
    step: int

    @property
    def times(self) -> list[float]:
        """Every time, the end included."""
        return [float(t) for t in range(self.start, self.end + 1, self.step)]


@dataclass(frozen=True)
class Line:
    """One series: its labels, and one value a time of the span."""

    labels: Mapping[str, str]
    values: list[float | None]


class Thanos:
    """The query component at ``url``; Unreachable when it does not answer within ten seconds."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount("http", HTTPAdapter(pool_maxsize=AT_ONCE))
        self._turn = threading.BoundedSemaphore(AT_ONCE)

    def range(self, expression: str, span: Span) -> list[Line]:
        """The lines of a PromQL expression over a span."""
        answer = self._post(
            "/api/v1/query_range",
            {
                "query": expression,
                "start": str(span.start),
                "end": str(span.end),
                "step": str(span.step),
                "timeout": f"{QUERY_SECONDS}s",
                "lookback_delta": LOOKBACK,
                "max_source_resolution": "0s",
            },
        )
        return [_line(row, span) for row in answer["data"]["result"]]

    def _post(self, path: str, form: Mapping[str, str]) -> Any:
        if not self._turn.acquire(timeout=QUERY_SECONDS / 2):
            raise Unreachable("too many charts are being drawn at once; try again in a moment")
        try:
            timeout = (CONNECT_SECONDS, QUERY_SECONDS + 2)
            answer = self._session.post(self._url + path, data=form, timeout=timeout)
            found = answer.json()
        except requests.RequestException as failure:
            raise Unreachable(
                "the metrics store (Thanos) does not answer; lists and states are not affected"
            ) from failure
        finally:
            self._turn.release()
        if answer.status_code != 200 or found.get("status") != "success":
            error = str(found.get("error", answer.reason))[:300]
            raise Unreachable(f"the metrics store (Thanos) refused the query: {error}")
        return found


def _line(row: Mapping[str, Any], span: Span) -> Line:
    values: list[float | None] = [None] * len(span.times)
    for at, text in row["values"]:
        place, value = round((at - span.start) / span.step), float(text)
        if 0 <= place < len(values) and value == value:  # noqa: PLR0124 - NaN is unknown
            values[place] = value
    return Line(row["metric"], values)
