"""The few calls of the public API that `up` makes itself."""

import http.client
import json
from typing import Any

from infra.local.errors import LocalError
from infra.local.ports import LOOPBACK

TIMEOUT_SECONDS = 10.0


class Api:
    """JSON over HTTP on the loopback interface, as the admin."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str) -> dict[str, Any] | None:
        """The document, None when there is none."""
        return self._call("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's document."""
        return self._call("POST", path, body) or {}

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> dict[str, Any] | None:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=TIMEOUT_SECONDS)
        text = None if body is None else json.dumps(body)
        try:
            connection.request(method, f"/api/v1{path}", text, self._headers)
            answer = connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise LocalError(f"{method} /api/v1{path}: {error}") from error
        finally:
            connection.close()
        if answer.status == 404:
            return None
        if answer.status >= 300:
            raise LocalError(f"{method} /api/v1{path} answered {answer.status}: {_detail(said)}")
        found: dict[str, Any] | None = json.loads(said) if said else None
        return found


def _detail(said: bytes) -> str:
    try:
        return str(json.loads(said)["detail"])
    except (ValueError, KeyError, TypeError):
        return said[:200].decode(errors="replace")
