"""Instant queries of Thanos."""

from typing import Any

import requests

from controllers.domain.errors import Unreachable

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 10.0


class Sample:
    """One series' value now."""

    __slots__ = ("labels", "name", "value")

    def __init__(self, name: str, labels: dict[str, str], value: float) -> None:
        self.name = name
        self.labels = labels
        self.value = value


class Thanos:
    """A query endpoint. One thread at a time: it holds one HTTP session."""

    def __init__(self, url: str) -> None:
        self._url = url + "/api/v1/query"
        self._session = requests.Session()
        self._session.trust_env = False

    def instant(self, expression: str) -> list[Sample]:
        """The answer of an instant query now; Unreachable when there is none."""
        try:
            answer = self._session.post(
                self._url,
                data={"query": expression},
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
            )
            return _samples(answer)
        except (requests.RequestException, LookupError, TypeError, ValueError) as failure:
            raise Unreachable(f"Thanos did not answer a query: {failure!r}") from failure


def _samples(answer: requests.Response) -> list[Sample]:
    if answer.status_code != 200:
        raise ValueError(f"status {answer.status_code}: {answer.text[:200]}")
    rows: list[dict[str, Any]] = answer.json()["data"]["result"]
    return [
        Sample(row["metric"].get("__name__", ""), row["metric"], float(row["value"][1]))
        for row in rows
    ]
