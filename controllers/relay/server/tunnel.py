"""The control plane's entry: CONNECT <target>.<cluster>.relay:443 becomes a stream."""

import asyncio
import hmac
import re
import time
from http import HTTPStatus

from controllers.relay.connection import Connection
from controllers.relay.exchange import Problem, Request
from controllers.relay.server.link import LinkLost, OpenRefused, ServerLink
from controllers.relay.server.peers import HOP_WAIT_SECONDS, Outcome, Peers, established
from controllers.relay.server.pool import NoConnection, Pool, Pools
from controllers.relay.server.presence import Presence

POOL_WAIT_SECONDS = 5.0
ASK_AGAIN_SECONDS = 0.1
_AUTHORITY = re.compile(r"([a-z0-9-]{1,63})\.([A-Za-z0-9-]{1,64})\.relay:443")
_STATUS = {"unknown_target": HTTPStatus.FORBIDDEN, "deadline": HTTPStatus.GATEWAY_TIMEOUT}


class Tunnel:
    """Opens streams for callers that hold the service token."""

    def __init__(self, pools: Pools, service_token: str, peers: Peers, presence: Presence) -> None:
        self._pools = pools
        self._token = service_token.encode()
        self._peers = peers
        self._presence = presence

    async def connect(self, request: Request) -> None:
        """Answer 200 and pass bytes both ways, or say why not (400, 403, 407, 502, 503, 504)."""
        target, cluster_id = self._asked(request)
        forwarded = await self._peers.forwarded(request, self._presence.live)
        if forwarded:
            await _open_for_peer(self._pool(cluster_id), target, request)
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + POOL_WAIT_SECONDS
        while True:
            pool = self._pool(cluster_id)  # each time: the cluster may come while we wait
            if await _open_idle(pool, target, request):
                return
            outcome, wait = Outcome.BUSY, until - loop.time()
            if not (pool.usable and self._presence.alone):
                outcome, wait = await self._peers.open(cluster_id, request), HOP_WAIT_SECONDS
            if outcome is Outcome.OPENED or await _open_soon(pool, target, request, wait):
                return
            if outcome is Outcome.NOT_THERE and not (pool.usable or pool.moving):
                raise _unavailable("the cluster is not connected")
            if loop.time() >= until:
                raise _unavailable(f"no connection became free within {POOL_WAIT_SECONDS:g} s")
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    def _pool(self, cluster_id: str) -> Pool:
        """The cluster's, or an empty one when it was never here."""
        return self._pools.find(cluster_id) or Pool(cluster_id)

    def _asked(self, request: Request) -> tuple[str, str]:
        """The target and the cluster."""
        if not hmac.compare_digest(request.bearer("proxy-authorization").encode(), self._token):
            raise Problem(
                HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
                "the relay-server wants its service token",
                headers={"proxy-authenticate": "Bearer"},
            )
        match = _AUTHORITY.fullmatch(request.head.target)
        if match is None:
            raise Problem(
                HTTPStatus.BAD_REQUEST, "the relay-server connects to <target>.<cluster>.relay:443"
            )
        return match[1], match[2]


async def _open_for_peer(pool: Pool, target: str, request: Request) -> None:
    """A peer asks others when there is no link here (404), or none is free (503)."""
    if not pool.links:
        raise Problem(HTTPStatus.NOT_FOUND, "the cluster is not connected here")
    if await _open_idle(pool, target, request):
        return
    if not await _open_soon(pool, target, request, HOP_WAIT_SECONDS):
        raise _unavailable("no connection of the cluster is free here")


async def _open_idle(pool: Pool, target: str, request: Request) -> bool:
    """Open on a link that is idle; False when there is none."""
    try:
        while (link := pool.take_idle()) is not None:
            if await _open_on(pool, link, target, request):
                return True
    except NoConnection as failure:
        raise _unavailable(str(failure)) from None
    return False


async def _open_soon(pool: Pool, target: str, request: Request, seconds: float) -> bool:
    """Ask the client for more links, and open on one that becomes free in time."""
    if not pool.usable:
        return False
    try:
        link = await pool.take(seconds)
    except NoConnection:
        return False
    return await _open_on(pool, link, target, request)


async def _open_on(pool: Pool, link: ServerLink, target: str, request: Request) -> bool:
    """A link may be closing just when it is asked; nothing was sent yet, so another is tried."""

    def opened() -> tuple[Connection, bytes]:
        early = established(request)
        return request.connection, early

    if request.connection.closed:
        # Our cancellation was lost on the way (see event_loop.ended).
        pool.idle(link)
        raise _unavailable("the caller is gone")
    try:
        if link.connection.closed:
            return False
        taken_at = time.monotonic()
        await link.open(target, pool.allowance.dial_seconds, opened)
    except LinkLost:
        return False
    except TimeoutError:
        raise Problem(
            HTTPStatus.GATEWAY_TIMEOUT, f"the cluster did not connect {target} in time"
        ) from None
    except OpenRefused as refusal:
        status = _STATUS.get(refusal.code, HTTPStatus.BAD_GATEWAY)
        raise Problem(status, str(refusal)) from None
    pool.opened += 1
    pool.observed.opened(taken_at - request.began_at, time.monotonic() - taken_at)
    return True


def _unavailable(words: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=2)
