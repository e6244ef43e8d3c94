"""Accepts connections and answers what comes over them, within a limit."""

import asyncio
import logging
import socket
import ssl
from http import HTTPStatus

from controllers.environment import Address
from controllers.relay.connection import Connection, watch_over
from controllers.relay.exchange import Exchange, Handler, Problem, Request
from controllers.relay.limits import (
    HEAD_SECONDS,
    HIGH_WATER_BYTES,
    UNAUTHENTICATED_SOCKETS,
)

log = logging.getLogger(__name__)
HANDLE_SECONDS = 60.0
BACKLOG = 1024
NO_SOCKET_SECONDS = 0.2
"""How long nothing is accepted once the process has no file descriptor left."""


class Listener:
    """One port. Connections that have left HTTP no longer count and are no longer known here.

    A connection counts from its first moment: what is still silent, or in the midst of TLS, takes
    a place like any other, and one too many costs nothing. Where TLS begins it is therefore
    accepted here, which costs more than to let the loop do it.
    """

    def __init__(
        self,
        handler: Handler,
        seconds: float = HANDLE_SECONDS,
        most: int = UNAUTHENTICATED_SOCKETS,
        unsent_most: int = HIGH_WATER_BYTES,
    ) -> None:
        self._handler = handler
        self._seconds = seconds
        self._most = most
        self._unsent_most = unsent_most
        self._exchanges: set[Exchange] = set()
        self._socket: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._beginning: set[asyncio.Task[None]] = set()
        self.turned_away = 0
        """Connections that were one too many."""

    async def listen(self, address: Address, tls: ssl.SSLContext | None = None) -> Address:
        """Begin; returns the address with its real port. OSError when it is taken."""
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listening = socket.create_server((address.host, address.port), family=family)
        watch_over(listening)  # what is accepted inherits it
        port = listening.getsockname()[1]
        if tls is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._plain, sock=listening, backlog=BACKLOG)
        else:
            listening.listen(BACKLOG)
            listening.setblocking(False)
            self._socket = listening
            self._await_callers(tls)
        return Address(address.host, port)

    def stop_accepting(self) -> None:
        """No more connections; each that is open closes after its next answer.

        One that idles stays, for a proxy may be sending on it just now: a write that meets a closed
        connection cannot be sent again.
        """
        if self._server is not None:
            self._server.close()
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None
        for exchange in self._exchanges:
            exchange.last = True

    def close_idle(self) -> None:
        """Requests under way go on."""
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
        """Connections that still speak HTTP, or have yet to send what they said last."""
        connections = [exchange.connection for exchange in self._exchanges]
        return sum(not each.closed or each.unsent > 0 for each in connections)

    @property
    def busy(self) -> int:
        """Those of them whose request is under way, or whose first one is."""
        return sum(exchange.fresh or not exchange.idle for exchange in self._exchanges)

    def _plain(self) -> Connection:
        """For a caller that the loop has accepted; closed at once when it is one too many."""
        if self._crowded():
            connection = Connection()
            connection.close()
            return connection
        return self._exchange().connection

    def _await_callers(self, tls: ssl.SSLContext) -> None:
        if self._socket is not None:
            loop = asyncio.get_running_loop()
            loop.add_reader(self._socket, self._accept, self._socket, tls)

    def _accept(self, listening: socket.socket, tls: ssl.SSLContext) -> None:
        """Take one caller; the loop comes again at once when there are more."""
        loop = asyncio.get_running_loop()
        try:
            accepted, _ = listening.accept()
        except BlockingIOError:
            return  # gone while it waited
        except OSError as failure:
            log.warning("no connection can be accepted now: %s", failure.strerror)
            loop.remove_reader(listening)
            loop.call_later(NO_SOCKET_SECONDS, self._await_callers, tls)
            return
        if self._crowded():
            accepted.close()
            return
        accepted.setblocking(False)
        task = loop.create_task(_begin(self._exchange(), accepted, tls))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    def _crowded(self) -> bool:
        """Whether a connection that has just come is one too many; counts it then."""
        if len(self._exchanges) < self._most:
            return False
        if not self.turned_away:
            log.warning("connections are turned away: %d are open", self._most)
        self.turned_away += 1
        return True

    def _exchange(self) -> Exchange:
        exchange = Exchange(self._handle, self._exchanges.discard)
        exchange.connection.unsent_most = self._unsent_most
        exchange.connection.watched = True
        self._exchanges.add(exchange)
        return exchange

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


async def _begin(exchange: Exchange, accepted: socket.socket, tls: ssl.SSLContext) -> None:
    """Hand the socket to its exchange, once TLS has begun; else let its place go."""
    try:
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: exchange.connection, accepted, ssl=tls, ssl_handshake_timeout=HEAD_SECONDS
        )
    except OSError:  # also what TLS refuses, and silence
        exchange.lost(None)
