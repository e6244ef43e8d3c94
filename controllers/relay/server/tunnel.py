"""The control plane's entry: CONNECT <target>.<cluster>.relay:443 becomes a stream."""

import hmac
import re
from http import HTTPStatus

from controllers.relay.connection import Connection
from controllers.relay.exchange import Problem, Request
from controllers.relay.limits import DIAL_SECONDS
from controllers.relay.server.link import LinkLost, OpenRefused, ServerLink
from controllers.relay.server.pool import NoConnection, Pool, Pools

POOL_WAIT_SECONDS = 5.0
_TRIES = 3
_AUTHORITY = re.compile(r"([a-z0-9-]{1,63})\.([A-Za-z0-9-]{1,64})\.relay:443")
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_STATUS = {"unknown_target": HTTPStatus.FORBIDDEN, "deadline": HTTPStatus.GATEWAY_TIMEOUT}


class Tunnel:
    """Opens streams for callers that hold the service token."""

    def __init__(self, pools: Pools, service_token: str) -> None:
        self._pools = pools
        self._token = service_token.encode()

    async def connect(self, request: Request) -> None:
        """Answer 200 and pass bytes both ways, or say why not (400, 403, 407, 502, 503, 504)."""
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
        pool = self._pools.find(match[2])
        if pool is None:
            raise _unavailable("the cluster is not connected")
        await _open(pool, match[1], request)


async def _open(pool: Pool, target: str, request: Request) -> None:
    """A link may be closing just when it is asked; nothing was sent yet, so another is tried."""
    for _ in range(_TRIES):
        try:
            link = await pool.take(POOL_WAIT_SECONDS)
            await _open_on(link, target, request)
            pool.opened += 1
            return
        except LinkLost:
            continue
        except NoConnection as failure:
            raise _unavailable(str(failure)) from None
        except TimeoutError:
            raise Problem(
                HTTPStatus.GATEWAY_TIMEOUT, f"the cluster did not connect {target} in time"
            ) from None
        except OpenRefused as refusal:
            status = _STATUS.get(refusal.code, HTTPStatus.BAD_GATEWAY)
            raise Problem(status, str(refusal)) from None
    raise _unavailable("the cluster's connections keep breaking")


async def _open_on(link: ServerLink, target: str, request: Request) -> None:
    def opened() -> tuple[Connection, bytes]:
        early = request.hand_over(_ESTABLISHED)
        return request.connection, early

    if link.connection.closed:
        raise LinkLost
    await link.open(target, DIAL_SECONDS, opened)


def _unavailable(words: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=2)
