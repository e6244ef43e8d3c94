"""Accepts connections and answers what comes over them, within a limit."""

import asyncio
import logging
import ssl
from http import HTTPStatus

from controllers.relay.environment import Address
from controllers.relay.exchange import Exchange, Handler, Problem, Request
from controllers.relay.limits import UNAUTHENTICATED_SOCKETS

log = logging.getLogger(__name__)
HANDLE_SECONDS = 60.0


class Listener:
    """One port. Connections that have left HTTP no longer count and are no longer known here."""

    def __init__(
        self, handler: Handler, seconds: float = HANDLE_SECONDS, most: int = UNAUTHENTICATED_SOCKETS
    ) -> None:
        self._handler = handler
        self._seconds = seconds
        self._most = most
        self._exchanges: set[Exchange] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, address: Address, tls: ssl.SSLContext | None = None) -> Address:
        """Begin; returns the address with its real port. OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._accept, address.host, address.port, ssl=tls, backlog=1024
        )
        port = self._server.sockets[0].getsockname()[1]
        return Address(address.host, port)

    def stop_accepting(self) -> None:
        """No more connections; those that idle are closed, requests under way go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for exchange in list(self._exchanges):
            if exchange.idle:
                exchange.connection.close()

    def close(self) -> None:
        """Cut what is left."""
        self.stop_accepting()
        for exchange in list(self._exchanges):
            exchange.connection.cut()

    @property
    def open(self) -> int:
        """Connections that still speak HTTP."""
        return len(self._exchanges)

    def _accept(self) -> asyncio.Protocol:
        if len(self._exchanges) >= self._most:
            return _TurnedAway()
        exchange = Exchange(self._handle, self._exchanges.discard)
        self._exchanges.add(exchange)
        return exchange.connection

    async def _handle(self, request: Request) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._handler(request)
        except TimeoutError:
            problem = Problem(HTTPStatus.SERVICE_UNAVAILABLE, "this took too long", retry_after=1)
        except Problem as failure:
            problem = failure
        else:
            return
        if not request.answered:
            request.refuse(problem)


class _TurnedAway(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Close at once: an answer would cost what the limit is there to save."""
        log.warning("a connection was turned away: too many are open")
        transport.close()
