"""The second lock: nothing is heard but what the control plane has signed, once, for us."""

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from threading import Lock as Mutex

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from controllers.relay.identity import Claim, IdentityError, claimed
from controllers.relay.limits import USED_SECONDS
from controllers.relay.seal import Asked, unsealed
from controllers.relay.seldom import Seldom
from controllers.workload.routes import Answer, problem

log = logging.getLogger(__name__)
MOST_USED = 100_000
"""Tokens that are remembered: 300 requests a second, all the time."""
_NO_KEY = (
    "this cluster has no key of its control plane yet; the relay-client gets one from a control "
    "plane of 0.2 or newer: upgrade that first"
)
_UNKNOWN = (
    "signed by a key of a control plane that this cluster does not know; if the control plane lost "
    "its key, let the cluster join again"
)
_OTHER_LIFE = "the token is not for this process of the manager; ask again, with the life it tells"
Hub = Callable[[Claim], tuple[str, Mapping[str, str]]]


class Lock(Collector):
    """Refuses, in words, and counts what it refused."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = time.time) -> None:
        self._hub = hub
        self._clock = clock
        self.life = secrets.token_urlsafe(12)
        """Tokens have to name it: what another process may have heard is not known here."""
        self._used: dict[str, float] = {}
        self._mutex = Mutex()
        self._seldom = Seldom(log, clock)
        self.refused: Counter[str] = Counter()

    def refusal(self, asked: Asked, authorization: str) -> Answer | None:
        """None when the request is good; it is good once."""
        try:
            self._check(asked, authorization)
        except IdentityError as failure:
            self._note(failure)
            return problem(401, "Not signed by the control plane", str(failure))
        return None

    def collect(self) -> Iterator[Metric]:
        """Refused requests by reason."""
        family = CounterMetricFamily(
            "neurox_manager_requests_refused",
            "Requests that no valid token of the control plane came with.",
            labels=["reason"],
        )
        with self._mutex:
            rows = sorted(self.refused.items())
        for reason, number in rows:
            family.add_metric([reason], number)
        yield family

    def _note(self, failure: IdentityError) -> None:
        with self._mutex:
            self.refused[failure.reason] += 1
        if failure.reason != "life":  # the first request of each control-manager is refused so
            self._seldom.warning(failure.reason, f"a request was refused: {failure}")

    def _check(self, asked: Asked, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        claim = claimed(token.strip() if scheme.lower() == "bearer" else "")
        cluster_id, keys = self._hub(claim)
        if not keys:
            raise IdentityError(_NO_KEY, "no_key")
        if claim.kid not in keys:
            raise IdentityError(_UNKNOWN, "unknown_key")
        claims = unsealed(token.strip(), keys, cluster_id, asked)
        if claims.get("life") != self.life:
            raise IdentityError(_OTHER_LIFE, "life")
        self._use(str(claims["jti"]))

    def _use(self, jti: str) -> None:
        now = self._clock()
        with self._mutex:
            for name in list(self._used):
                if self._used[name] > now:
                    break
                del self._used[name]
            if jti in self._used:
                raise IdentityError("the token was used before", "replayed")
            if len(self._used) >= MOST_USED:
                raise IdentityError("too many requests to tell used tokens from new ones", "full")
            self._used[jti] = now + USED_SECONDS
