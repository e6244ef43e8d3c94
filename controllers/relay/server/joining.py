"""Where a join token is redeemed, and what others find there."""

import logging
from http import HTTPStatus

import msgspec

from controllers.relay.exchange import Problem, Request
from controllers.relay.limits import JOIN_BYTES
from controllers.relay.registry import Joining, JoinRefused, Registry, RegistryDown
from controllers.relay.seldom import Seldom
from controllers.relay.server.contacts import Contacts
from controllers.relay.server.hub_keys import HubKeys

log = logging.getLogger(__name__)
EXPLANATION = (
    "This is the Neurox relay, not a Kubernetes API server. The kubeconfig of the Secret "
    "neurox-join holds a single-use token by which a cluster joins Neurox; kubectl can do nothing "
    "with it. Apply the Secret in the cluster that is to join, where the relay-client uses it."
)


class JoinBody(msgspec.Struct, frozen=True):
    """What the relay-client posts."""

    token: str
    public_key: str
    cluster_uid: str
    version: str = ""


class JoinDesk:
    """Redeems join tokens."""

    def __init__(self, registry: Registry, contacts: Contacts, hub_keys: HubKeys) -> None:
        self._registry = registry
        self._contacts = contacts
        self._hub_keys = hub_keys
        self._seldom = Seldom(log)

    async def redeem(self, request: Request) -> None:
        """Answer with the cluster's id and the hub's keys, or a sentence that says what to do."""
        if request.body.length > JOIN_BYTES:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a join request is small")
        try:
            body = msgspec.json.decode(await request.body.read(), type=JoinBody)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            raise Problem(HTTPStatus.BAD_REQUEST, "the join request cannot be read") from None
        asked = Joining(body.token, body.public_key, body.cluster_uid, body.version)
        try:
            cluster_id = await self._registry.redeem(asked)
        except JoinRefused as refusal:
            # Each sentence is a kind, and none quotes what was sent.
            self._seldom.warning(str(refusal), f"a join was refused: {refusal}")
            if refusal.cluster_id:
                self._contacts.refused(refusal.cluster_id, refusal.status, str(refusal))
            raise Problem(HTTPStatus(refusal.status), str(refusal)) from None
        except RegistryDown as failure:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, str(failure), retry_after=5) from None
        log.info("cluster %s has joined", cluster_id)
        self._contacts.joined(cluster_id, body.version)
        shown = {"hub_keys": msgspec.to_builtins(self._hub_keys.chain)}
        request.answer_json(HTTPStatus.OK, {"cluster_id": cluster_id, **shown})

    async def explain(self, request: Request) -> None:
        """Answer kubectl in its own language."""
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": EXPLANATION,
            "reason": "Forbidden",
            "code": 403,
        }
        request.answer_json(HTTPStatus.FORBIDDEN, status)
