"""Checks the tokens that clusters show."""

from http import HTTPStatus

from controllers.relay import identity
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import IdentityError, Proof, Replays
from controllers.relay.registry import Registry, RegistryDown


class Doorkeeper:
    """A token is good once, for 60 seconds, for one purpose, by a key of the cluster it names."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._replays = Replays()
        self.refused: dict[str, int] = {}
        """How often each status was answered."""

    async def admit(self, request: Request, audience: str) -> Proof:
        """Who is asking; Problem (401, 403, 503) when that is not proven."""
        try:
            return await self._proof(request.bearer(), audience)
        except IdentityError as failure:
            problem = Problem(HTTPStatus.UNAUTHORIZED, str(failure), retry_after=60)
        except RegistryDown as failure:
            problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(failure), retry_after=5)
        except Problem as failure:
            problem = failure
        reason = str(int(problem.status))
        self.refused[reason] = self.refused.get(reason, 0) + 1
        raise problem

    async def _proof(self, token: str, audience: str) -> Proof:
        claim = identity.claimed(token)
        keys = await self._registry.keys_of(claim.cluster_id)
        if not keys:
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "this cluster has no access (any more); it needs a new join token",
                retry_after=300,
            )
        proof = identity.verify(token, keys, audience)
        self._replays.admit(proof)
        return proof
