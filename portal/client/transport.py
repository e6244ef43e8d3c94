"""One HTTP session to one API server."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import quote

import requests
from pydantic import BaseModel, ValidationError
from requests.adapters import HTTPAdapter

from portal.client.errors import OtherVersion, Unavailable, from_answer
from portal.schemas.base import VERSION_HEADER

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0

Query = Mapping[str, Any]
Shape = TypeVar("Shape", bound=BaseModel)


class Transport:
    """Sends requests under ``/api/v1`` and turns refusals into exceptions.

    Raises ``ApiError`` for an answer of 400 and above, ``Unavailable`` when there is none.
    """

    def __init__(self, server: str, headers: Mapping[str, str]) -> None:
        self._base = server.rstrip("/") + "/api/v1"
        self._session = requests.Session()
        # A proxy or a .netrc of the caller must never see or replace the credential.
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=4)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._session.headers.update({"User-Agent": f"neurox/{version('neurox')}", **headers})

    def send(
        self,
        method: str,
        path: str,
        query: Query | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """The answer to one request; empty query values are left out, lists joined by commas."""
        try:
            answer = self._session.request(
                method,
                self._base + path,
                params=_flat(query or {}),
                json=body,
                headers=headers,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
            )
        except requests.RequestException as failure:
            raise Unavailable(f"no answer from {self._base}: {_cause(failure)}") from failure
        if answer.status_code >= 400:
            raise from_answer(answer.status_code, answer.content, path)
        return answer

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()


def parsed(shape: type[Shape], answer: requests.Response) -> Shape:
    """An answer in its shape; fields that only a newer server knows are left out. OtherVersion."""
    try:
        return shape.model_validate_json(answer.content, extra="ignore")
    except ValidationError:
        theirs = answer.headers.get(VERSION_HEADER)
        raise OtherVersion(
            f"what {answer.url.partition('?')[0]} answers has a shape that neurox "
            f"{version('neurox')} does not know; "
            + (f"the server is {theirs:.40}" if theirs else "the server does not say its version")
        ) from None


def segment(value: str) -> str:
    """``value`` as one path segment, so that a name can never lead to another route."""
    return quote(value, safe="")


def _flat(query: Query) -> dict[str, str]:
    flat = {}
    for name, value in query.items():
        if value is None or value in ("", [], ()):
            continue
        if isinstance(value, bool):
            flat[name] = "true" if value else "false"
        elif isinstance(value, (list, tuple)):
            flat[name] = ",".join(map(str, value))
        else:
            flat[name] = str(value)
    return flat


def _cause(failure: requests.RequestException) -> str:
    if isinstance(failure, requests.ConnectTimeout | requests.ReadTimeout):
        return f"timed out after {READ_SECONDS:g} s"
    return (
        "connection refused or cut"
        if isinstance(failure, requests.ConnectionError)
        else str(failure)
    )
