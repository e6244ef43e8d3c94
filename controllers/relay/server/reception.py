"""Where clusters come in: a proven request becomes a link, which is told how things are here."""

import logging
from functools import partial
from http import HTTPStatus

from controllers.relay import message, websocket
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import CONNECT
from controllers.relay.limits import FRAME_BYTES
from controllers.relay.server.addresses import Addresses
from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.hub_keys import HubKeys
from controllers.relay.server.link import ServerLink
from controllers.relay.server.pool import Pools
from controllers.relay.server.rotation import KeyDesk
from controllers.relay.server.settings import Settings

log = logging.getLogger(__name__)
REPLICAS_TOLD = 8
"""A client wants two; a control message has 4 KiB."""
STRANGE_VERSIONS = 10
"""How many are remembered, so that each is logged once and a stranger cannot fill the log."""


class Reception:
    """Takes links in, until this relay-server is ``draining``."""

    def __init__(
        self,
        settings: Settings,
        pools: Pools,
        doorkeeper: Doorkeeper,
        hub_keys: HubKeys,
        key_desk: KeyDesk,
    ) -> None:
        self.draining = False
        self._strange: set[str] = set()
        """Versions of the protocol that were offered, and that we do not speak."""
        self._replica = settings.replica
        self._timing = settings.timing
        self.replicas: tuple[str, ...] = (settings.replica,)
        """Those that are live."""
        self.addresses = Addresses(settings.public_urls, settings.ca_files)
        self._size = settings.pool
        self._pools = pools
        self._doorkeeper = doorkeeper
        self._hub_keys = hub_keys
        self._key_desk = key_desk

    @property
    def hello(self) -> message.Hello:
        """What a client is told first, and again when the replicas or the hub's keys change."""
        return message.Hello(
            replica=self._replica,
            replicas=self.replicas[:REPLICAS_TOLD],
            pool=message.Pool(self._size.min, self._size.start, self._size.max),
            ping_s=self._timing.ping,
            features=(message.ROTATE,),
            hub_keys=self._hub_keys.chain,
            limits={"frame_bytes": FRAME_BYTES, "streams": self._pools.allowance.streams},
        )

    def tell_addresses(self, link: ServerLink) -> None:
        """Where the control plane is, for whom it moves."""
        for piece in self.addresses.told:
            link.send(piece)

    async def connect(self, request: Request) -> None:
        """Make a link of the request, when its cluster is let in; else Problem."""
        key = self._checked(request)
        proof = await self._doorkeeper.admit(request, CONNECT)
        # Only now: who comes in while we begin to leave would not be told to go elsewhere, and
        # would be given streams that are cut at the end.
        if self.draining:
            raise Problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "this relay-server is stopping", retry_after=1
            )
        pool = self._pools.of(proof.cluster_id)
        if len(pool.links) >= pool.allowance.connections:
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"the cluster has {pool.allowance.connections} connections already",
                retry_after=10,
            )
        if request.connection.closed:
            return  # and our cancellation was lost on the way (see event_loop.ended)
        rest = request.hand_over(websocket.switching(key, self._replica))
        link = ServerLink(request.connection, proof.kid, pool, self._timing)
        link.on_key_news = partial(self._key_desk.heard, proof.cluster_id)
        link.send(self.hello)
        self.tell_addresses(link)
        pool.add(link)
        if len(pool.links) == 1:
            log.info("cluster %s is connected", proof.cluster_id)
        if rest:
            link.received(rest)

    def _checked(self, request: Request) -> str:
        """The nonce of a handshake; another version than ours is said once, and refused."""
        try:
            return websocket.check(request.head)
        except Problem as problem:
            self._doorkeeper.turned_away(request, problem)
            offered = request.head.headers.get("sec-websocket-protocol", "nothing")[:60]
            news = offered not in self._strange and len(self._strange) < STRANGE_VERSIONS
            if problem.status == HTTPStatus.UPGRADE_REQUIRED and news:
                self._strange.add(offered)
                log.warning("a relay-client offers %r: %s; upgrade it", offered, problem)
            raise
