"""Checks the tokens that clusters show."""

import contextlib
import logging
from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from controllers.relay import identity
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import CONNECT, Claim, IdentityError, Proof
from controllers.relay.registry import Registry, RegistryDown
from controllers.relay.seldom import Seldom
from controllers.relay.server.contacts import Contacts
from controllers.relay.server.pace import A_SECOND, Pace

log = logging.getLogger(__name__)


class Doorkeeper:
    """A token is good once, for 60 seconds, for one purpose, by a key of the cluster it names.

    Once means once at all replicas, which only Redis can tell: without it nobody new is let in.
    """

    def __init__(self, registry: Registry, contacts: Contacts) -> None:
        self._registry = registry
        self._contacts = contacts
        self._pace = Pace()
        self._seldom = Seldom(log)
        self._blind = False
        self.refused: Counter[tuple[str, str]] = Counter()
        """How often each status was answered, and why."""

    async def admit(self, request: Request, audience: str) -> Proof:
        """Who is asking; Problem (401, 403, 503) when that is not proven."""
        try:
            proof = await self._proof(request.bearer(), audience)
        except IdentityError as failure:
            problem = Problem(HTTPStatus.UNAUTHORIZED, str(failure), retry_after=60)
            reason = failure.reason
        except RegistryDown as failure:
            self._went_blind(failure)
            problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(failure), retry_after=5)
            reason = "store"
        except Problem as failure:
            problem = failure
            reason = "no_access" if failure.status == HTTPStatus.FORBIDDEN else "pace"
        else:
            if self._blind:
                log.info("Redis answers again: connections and metrics are taken")
            self._blind = False
            if audience == CONNECT:
                agent = request.head.headers.get("user-agent", "")
                self._contacts.runs(proof.cluster_id, agent)
            return proof
        self.refused[str(int(problem.status)), reason] += 1
        raise problem

    def turned_away(self, request: Request, problem: Problem) -> None:
        """Note what was wrong with a request whose token nobody has looked at."""
        with contextlib.suppress(IdentityError):
            claim = identity.claimed(request.bearer())
            self._contacts.refused(claim.cluster_id, problem.status, str(problem))

    async def _proof(self, token: str, audience: str) -> Proof:
        claim = identity.claimed(token)
        try:
            proof = identity.verify(token, await self._keys(claim), audience)
            if not self._pace.allows(proof.cluster_id):
                # 503 and not 429: on that Prometheus would throw its samples away.
                words = f"this cluster asks more than {A_SECOND:g} times a second"
                raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=1)
            if not await self._registry.first_use(proof):
                raise IdentityError("the token was used before")
            if claim.kid not in await self._keys(claim):
                # From those that are in already it was taken back while Redis was asked.
                raise IdentityError("the key was taken back just now")
        except IdentityError as failure:
            # Of clusters that exist alone: there are only so many kinds of it.
            words = f"a token for cluster {claim.cluster_id} was refused: {failure}"
            self._seldom.warning(f"{claim.cluster_id} {failure.reason}", words)
            self._contacts.refused(claim.cluster_id, HTTPStatus.UNAUTHORIZED, str(failure))
            raise
        return proof

    async def _keys(self, claim: Claim) -> Mapping[str, str]:
        keys = await self._registry.keys_of(claim.cluster_id, claim.kid)
        if not keys:
            words = "this cluster has no access (any more); it needs a new join token"
            self._contacts.refused(claim.cluster_id, HTTPStatus.FORBIDDEN, words)
            raise Problem(HTTPStatus.FORBIDDEN, words, retry_after=300)
        return keys

    def _went_blind(self, failure: RegistryDown) -> None:
        """Said once an outage: every cluster tries again and again."""
        if not self._blind:
            log.error(
                "%s, so no token can be checked: new connections and metrics are refused (503) "
                "until it does; connections that are open go on",
                failure,
            )
        self._blind = True
