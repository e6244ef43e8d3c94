"""What the world can reach: links, joins, metrics. Everything else does not exist."""

import logging
from functools import partial
from http import HTTPStatus

from controllers.relay import message, websocket
from controllers.relay.exchange import Problem, Request
from controllers.relay.identity import CONNECT, WRITE
from controllers.relay.limits import FRAME_BYTES
from controllers.relay.server.addresses import Addresses
from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.joining import JoinDesk
from controllers.relay.server.link import ServerLink
from controllers.relay.server.pool import Pools
from controllers.relay.server.rotation import KeyDesk
from controllers.relay.server.settings import Settings

log = logging.getLogger(__name__)
WRITE_PATH = "/relay/v1/write"
JOIN_PATH = "/relay/v1/join"
REPLICAS_TOLD = 8
"""A client wants two; a control message has 4 KiB."""
STRANGE_VERSIONS = 10
"""How many are remembered, so that each is logged once and a stranger cannot fill the log."""


class Public:
    """The public port's routes."""

    def __init__(
        self,
        settings: Settings,
        pools: Pools,
        doorkeeper: Doorkeeper,
        desk: JoinDesk,
        gate: Gateway,
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
        self._desk = desk
        self._gateway = gate
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
            hub_keys=self._desk.hub_keys.chain,
            limits={"frame_bytes": FRAME_BYTES, "streams": self._pools.allowance.streams},
        )

    def tell_addresses(self, link: ServerLink) -> None:
        """Where the control plane is, for whom it moves."""
        for piece in self.addresses.told:
            link.send(piece)

    async def handle(self, request: Request) -> None:
        """Route by method and path."""
        method, path = request.head.method, request.head.path
        if path == websocket.CONNECT_PATH and method == "GET":
            await self._connect(request)
        elif path == WRITE_PATH and method == "POST":
            await self._gateway.write(request, await self._doorkeeper.admit(request, WRITE))
        elif path == JOIN_PATH and method == "POST":
            await self._desk.redeem(request)
        elif path == JOIN_PATH or path.startswith(JOIN_PATH + "/"):
            await self._desk.explain(request)
        else:
            raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")

    async def _connect(self, request: Request) -> None:
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
