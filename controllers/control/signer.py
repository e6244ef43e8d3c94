"""Signs what the control plane asks of a cluster's workload-manager."""

import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from controllers.environment import SettingsError
from controllers.relay.identity import IdentityError, PrivateKey
from controllers.relay.seal import Asked, seal

Keys = Callable[[], Sequence[PrivateKey]]
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.DOTALL)


class HubKeyFile:
    """The signing keys that a file holds, newest first; read anew when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = -1
        self._keys: tuple[PrivateKey, ...] = ()
        self.keys()

    def keys(self) -> tuple[PrivateKey, ...]:
        """At least one; SettingsError when the file has never held any."""
        try:
            changed_at = self._path.stat().st_mtime_ns
            if changed_at != self._read_at:
                found = tuple(PrivateKey.from_pem(pem) for pem in _pems(self._path.read_text()))
                self._keys, self._read_at = found or self._keys, changed_at
        except (OSError, UnicodeError, IdentityError) as failure:
            if not self._keys:
                reason = getattr(failure, "strerror", None) or failure
                raise SettingsError(f"the hub's key {str(self._path)!r}: {reason}") from None
        if not self._keys:
            raise SettingsError(f"{str(self._path)!r} holds no private key in PEM form")
        return self._keys


class Signer(AuthBase):
    """A token for each request; a cluster that knows only the former key is asked once more."""

    def __init__(self, keys: Keys, cluster_id: str) -> None:
        self._keys = keys
        self._cluster_id = cluster_id

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign; the body has to be whole already."""
        newest, *former = self._keys()
        self._sign(request, newest)
        if former:

            def again(answer: Response, **options: Any) -> Response:
                return self._again(answer, former[0], options)

            request.register_hook("response", again)  # type: ignore[no-untyped-call]
        return request

    def _sign(self, request: PreparedRequest, key: PrivateKey) -> None:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise TypeError("a request to a workload-manager has a body of known length")
        asked = Asked(request.method or "", request.path_url, body)
        token = seal(key, self._cluster_id, asked, time.time())
        request.headers["Authorization"] = f"Bearer {token}"

    def _again(self, answer: Response, key: PrivateKey, options: dict[str, Any]) -> Response:
        """A refused request was not heard, so asking it again asks it once."""
        if answer.status_code != 401:
            return answer
        _ = answer.content  # so that its connection is free again
        request = answer.request.copy()
        self._sign(request, key)
        again: Response = answer.connection.send(request, **options)
        again.history.append(answer)
        again.request = request
        return again


def _pems(text: str) -> list[str]:
    return _PEM.findall(text)
