"""Signs what the control plane asks of a cluster's workload-manager."""

import re
import time
from collections.abc import Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase

from controllers.environment import SettingsError
from controllers.relay.identity import IdentityError, PrivateKey
from controllers.relay.seal import LIFE, LIFE_CHARACTERS, Asked, seal

MOST_AGAIN = 3
"""To learn the manager's life, to try the former key, and once more: another replica may answer."""
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
    """A token for each request; who is refused asks again by what the refusal tells.

    A manager hears only tokens for its own life, which is kept in ``lives`` by cluster for the
    requests that follow; and a cluster may know only the former key.
    """

    def __init__(self, keys: Keys, cluster_id: str, lives: MutableMapping[str, str]) -> None:
        self._keys = keys
        self._cluster_id = cluster_id
        self._lives = lives

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign; the body has to be whole already."""
        keys, life = list(self._keys()[:2]), self._lives.get(self._cluster_id, "")
        self._sign(request, keys[0], life)

        def again(answer: Response, **options: Any) -> Response:
            return self._heard(answer, keys, life, options)

        request.register_hook("response", again)  # type: ignore[no-untyped-call]
        return request

    def _heard(
        self, answer: Response, keys: list[PrivateKey], life: str, options: dict[str, Any]
    ) -> Response:
        """The answer to the last try; a refused request was not heard, so it is done once."""
        for _ in range(MOST_AGAIN):
            told = answer.headers.get(LIFE, "")[:LIFE_CHARACTERS]
            is_ours = told in ("", life)
            if answer.status_code != 401 or (is_ours and len(keys) < 2):
                break
            if is_ours:
                del keys[0]
            else:
                life = self._lives[self._cluster_id] = told
            answer = self._again(answer, keys[0], life, options)
        return answer

    def _sign(self, request: PreparedRequest, key: PrivateKey, life: str) -> None:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        if not isinstance(body, bytes):
            raise TypeError("a request to a workload-manager has a body of known length")
        asked = Asked(request.method or "", request.path_url, body)
        token = seal(key, self._cluster_id, asked, time.time(), life)
        request.headers["Authorization"] = f"Bearer {token}"

    def _again(
        self, answer: Response, key: PrivateKey, life: str, options: dict[str, Any]
    ) -> Response:
        _ = answer.content  # so that its connection is free again
        request = answer.request.copy()
        self._sign(request, key, life)
        again: Response = answer.connection.send(request, **options)
        again.history = [*answer.history, answer]
        again.request = request
        return again


def _pems(text: str) -> list[str]:
    return _PEM.findall(text)
