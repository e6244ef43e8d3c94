"""Checks the tokens that clusters show."""

import logging
from http import HTTPStatus

from controllers.relay import identity
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import IdentityError, Proof
from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.server.pace import A_SECOND, Pace

log = logging.getLogger(__name__)


class Doorkeeper:
    """A token is good once, for 60 seconds, for one purpose, by a key of the cluster it names.

    Once means once at all replicas, which only Redis can tell: without it nobody new is let in.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pace = Pace()
        self._blind = False
        self.refused: dict[str, int] = {}
        """How often each status was answered."""

    async def admit(self, request: Request, audience: str) -> Proof:
        """Who is asking; Problem (401, 403, 503) when that is not proven."""
        try:
            proof = await self._proof(request.bearer(), audience)
        except IdentityError as failure:
            problem = Problem(HTTPStatus.UNAUTHORIZED, str(failure), retry_after=60)
        except RegistryDown as failure:
            self._went_blind(failure)
            problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(failure), retry_after=5)
        except Problem as failure:
            problem = failure
        else:
            if self._blind:
                log.info("Redis answers again: connections and metrics are taken")
            self._blind = False
            return proof
        reason = str(int(problem.status))
        self.refused[reason] = self.refused.get(reason, 0) + 1
        raise problem

    async def _proof(self, token: str, audience: str) -> Proof:
        claim = identity.claimed(token)
        keys = await self._registry.keys_of(claim.cluster_id, claim.kid)
        if not keys:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "this cluster has no access (any more); it needs a new join token",
                retry_after=300,
            )
        try:
            proof = identity.verify(token, keys, audience)
            if not self._pace.allows(proof.cluster_id):
                # 503 and not 429: on that Prometheus would throw its samples away.
                words = f"this cluster asks more than {A_SECOND:g} times a second"
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=1)
            if not await self._registry.first_use(proof):
                raise IdentityError("the token was used before")
        except IdentityError as failure:
            # Said only of clusters that exist: a stranger must not be able to fill the log.
            log.warning("a token for cluster %s was refused: %s", claim.cluster_id, failure)
            raise
        return proof

    def _went_blind(self, failure: RegistryDown) -> None:
        """Said once an outage: every cluster tries again and again."""
        if not self._blind:
            log.error(
                "%s, so no token can be checked: new connections and metrics are refused (503) "
                "until it does; connections that are open go on",
                failure,
            )
        self._blind = True
