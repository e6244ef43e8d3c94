"""The few calls that `up` makes of a sandbox's API server."""

import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from infra.local.errors import LocalError
from infra.local.sandbox.ready import context

TIMEOUT_SECONDS = 10.0
OWNER = "neurox-up"
"""The field manager of everything we apply."""


class Kube:
    """JSON over one kept connection, as the holder of a client certificate. One thread."""

    def __init__(self, server: str, ca: Path, client: tuple[Path, Path]) -> None:
        where = urlsplit(server)
        self._connection = http.client.HTTPSConnection(
            str(where.hostname), where.port, timeout=TIMEOUT_SECONDS, context=context(ca, client)
        )
        self._kinds: dict[str, dict[str, tuple[str, bool]]] = {}

    def get(self, path: str) -> dict[str, Any]:
        """The document at ``path``; LocalError with the server's words when there is none."""
        return self._call("GET", path)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer's document."""
        return self._call("POST", path, body)

    def delete(self, path: str) -> None:
        """Remove one object."""
        self._call("DELETE", path)

    def apply(self, manifest: dict[str, Any], subresource: str = "") -> dict[str, Any]:
        """Server-side apply: made when absent, changed when different, else left alone."""
        query = urlencode({"fieldManager": OWNER, "force": "true"})
        path = f"{self._path(manifest)}{f'/{subresource}' if subresource else ''}?{query}"
        return self._call("PATCH", path, manifest, "application/apply-patch+yaml")

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()

    def _path(self, manifest: dict[str, Any]) -> str:
        version, kind = manifest["apiVersion"], manifest["kind"]
        root = f"/apis/{version}" if "/" in version else f"/api/{version}"
        plural, namespaced = self._kind(root, kind)
        meta = manifest["metadata"]
        inside = f"/namespaces/{quote(meta.get('namespace', 'default'))}" if namespaced else ""
        return f"{root}{inside}/{plural}/{quote(meta['name'])}"

    def _kind(self, root: str, kind: str) -> tuple[str, bool]:
        """The plural of a kind, and whether its objects lie in namespaces."""
        if root not in self._kinds:
            found = self.get(root)["resources"]
            whole = (entry for entry in found if "/" not in entry["name"])
            self._kinds[root] = {e["kind"]: (e["name"], e["namespaced"]) for e in whole}
        try:
            return self._kinds[root][kind]
        except KeyError:
            raise LocalError(f"the cluster knows no kind {kind} at {root}") from None

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        kind: str = "application/json",
    ) -> dict[str, Any]:
        text = None if body is None else json.dumps(body)
        plain = path.partition("?")[0]
        try:
            self._connection.request(method, path, text, {"Content-Type": kind})
            answer = self._connection.getresponse()
            said = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next call opens a new one
            raise LocalError(f"kube-apiserver: {method} {plain}: {error}") from error
        if answer.status >= 300:
            raise LocalError(
                f"kube-apiserver: {method} {plain} answered {answer.status}: {_message(said)}"
            )
        found: dict[str, Any] = json.loads(said)
        return found


def _message(said: bytes) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return said[:200].decode(errors="replace")
