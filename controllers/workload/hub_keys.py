"""The control plane's keys, out of the Secret in which the relay-client keeps them."""

import base64
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock

import msgspec

from controllers.relay.hub_key import SECRET, Trusted, usable
from controllers.relay.identity import Claim
from controllers.workload.kube import KubeApi, KubeError

log = logging.getLogger(__name__)
READ_AGAIN_SECONDS = 60.0
MISFIT_SECONDS = 1.0
"""How often that is a reason to read: a stranger must not make us ask all the time."""


class _Secret(msgspec.Struct):
    data: dict[str, str] | None = None


@dataclass(frozen=True)
class Hub:
    """What orders this cluster takes: those for ``cluster_id``, by one of ``trusted``."""

    cluster_id: str = ""
    trusted: tuple[Trusted, ...] = ()


class HubKeys:
    """Read at the first request, then once a minute, and when one comes that does not fit."""

    def __init__(
        self, api: KubeApi, namespace: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._api = api
        self._path = f"/api/v1/namespaces/{namespace}/secrets/{SECRET}"
        self._monotonic = monotonic
        self._reading = Lock()
        self._tried_at: float | None = None
        self._hub = Hub()
        self._failing = False

    def hub(self, claim: Claim) -> tuple[str, Mapping[str, str]]:
        """The cluster's id, and the keys that are good now; such that the claim fits, if they can.

        What was read stays good while the API server does not answer.
        """
        if self._due(claim):
            with self._reading:
                if self._due(claim):
                    self._read()
        return self._hub.cluster_id, usable(self._hub.trusted, time.time())

    def _due(self, claim: Claim) -> bool:
        known = usable(self._hub.trusted, time.time())
        fits = claim.kid in known and claim.cluster_id == self._hub.cluster_id
        wait = READ_AGAIN_SECONDS if fits else MISFIT_SECONDS
        return self._tried_at is None or self._monotonic() - self._tried_at >= wait

    def _read(self) -> None:
        try:
            self._hub = _hub(self._api.get(self._path))
        except (KubeError, msgspec.MsgspecError, ValueError) as failure:
            if not self._failing:
                log.warning("Secret %s cannot be read: %s", SECRET, failure)
            self._failing = True
        else:
            self._failing = False
        self._tried_at = self._monotonic()


def _hub(raw: bytes) -> Hub:
    data = msgspec.json.decode(raw, type=_Secret).data or {}
    keys = base64.b64decode(data.get("keys", "")) or b"[]"
    trusted = msgspec.json.decode(keys, type=tuple[Trusted, ...])
    return Hub(base64.b64decode(data.get("cluster-id", "")).decode(), trusted)
