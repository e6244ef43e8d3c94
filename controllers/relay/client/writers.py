"""Who may write metrics here: who shows the token that the cluster's Prometheus is given."""

import asyncio
import hmac
import logging
from http import HTTPStatus

from controllers.relay.client.demand import backoff
from controllers.relay.client.kubernetes import Kubernetes, KubernetesError, SecretChanged
from controllers.relay.exchange import Problem, Request
from controllers.store.secret import new_secret

log = logging.getLogger(__name__)
SECRET = "neurox-write-token"  # noqa: S105 - the name of an object
KEY = "token"


class Writers:
    """Has the token as a setting, else from the Secret, which the first relay-client fills."""

    def __init__(self, kubernetes: Kubernetes, token: str = "") -> None:
        self._kubernetes = kubernetes
        self._token = token

    def admit(self, request: Request) -> None:
        """Problem 401 for who has another token, or none; 503 while it is not known here."""
        if not self._token:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"the relay-client has no write token yet (Secret {SECRET})",
                retry_after=5,
            )
        if not hmac.compare_digest(request.bearer().encode(), self._token.encode()):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "metrics are taken from who shows the write token: set authorization."
                f"credentials_file to the key {KEY!r} of Secret {SECRET}",
                headers={"www-authenticate": "Bearer"},
            )

    async def learn(self) -> None:
        """Return once the token is known, whatever the API server says meanwhile."""
        failures = 0
        while not self._token:
            try:
                self._token = await self._kept()
            except SecretChanged:
                log.info("another replica wrote the write token first; reading it")
            except KubernetesError as failure:
                failures += 1
                seconds = backoff(failures, 1.0)
                log.warning("no write token: %s; next try in %.1f s", failure, seconds)
                await asyncio.sleep(seconds)

    async def _kept(self) -> str:
        secret = await self._kubernetes.secret(SECRET)
        if token := secret.data.get(KEY, "").strip():
            return token
        token = new_secret()
        await self._kubernetes.patch_secret(SECRET, {KEY: token}, secret.version)
        return token
