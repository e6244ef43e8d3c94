"""The other relay-servers: who has links of a cluster, and streams that go through them."""

import asyncio
import json
import logging
import random
import re
import socket
from collections import Counter
from collections.abc import Sequence
from enum import Enum
from http import HTTPStatus

from controllers.environment import Address
from controllers.relay.awaited_head import AwaitedHead
from controllers.relay.body import CONTINUE
from controllers.relay.call import CallFailed, Origin, connect
from controllers.relay.connection import Connection
from controllers.relay.event_loop import passed
from controllers.relay.exchange import Problem, Request
from controllers.relay.limits import DIAL_SECONDS
from controllers.relay.registry import RegistryDown
from controllers.relay.server.replicas import Replicas
from controllers.relay.splice import Splice
from controllers.relay.trouble import Trouble

log = logging.getLogger(__name__)
HOP = "x-neurox-hop"
"""Names the relay-server that forwards; a request that has it is not forwarded again."""
HOP_WAIT_SECONDS = 0.5
"""How long a peer waits for a link to become free; then others are asked."""
CONNECT_SECONDS = 1.0
HEAR_SECONDS = 1.0
"""A peer says at once that it is at it; one that is frozen takes connections and says nothing."""
SILENT_SECONDS = 10.0
"""How long one that said nothing is not asked again, so that not every call waits for it."""
ANSWER_SECONDS = HOP_WAIT_SECONDS + DIAL_SECONDS + 1.0
CLUSTER_REFUSES = (HTTPStatus.FORBIDDEN, HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)
"""What a peer answers when the cluster itself said no; any other replica would be told the same."""
_ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")
_chance = random.SystemRandom()


class Outcome(Enum):
    """What became of asking a peer; UNREACHABLE: nothing to count on; SILENT: nothing."""

    OPENED = "opened"
    BUSY = "busy"
    NOT_THERE = "not_there"
    UNREACHABLE = "unreachable"
    SILENT = "silent"
    REFUSED = "refused"


class Peers:
    """Redis says who to ask; when it says nothing, everybody behind ``services`` is asked."""

    def __init__(
        self, replicas: Replicas, token: str, services: Sequence[Address], own: Address
    ) -> None:
        self.forwards: Counter[str] = Counter()
        """By outcome."""
        self._replicas = replicas
        self._token = token
        self._services = services
        self._own = own
        self._splices: set[Splice] = set()
        self._silent: dict[Address, float] = {}
        """Peers that said nothing, and until when they are not asked, by the loop's clock."""

    @property
    def streams(self) -> int:
        """Streams that go through here to another relay-server."""
        return len(self._splices)

    def cut(self) -> None:
        """End those streams, so that nobody takes it for their end."""
        for splice in list(self._splices):
            splice.cut()

    async def forwarded(self, request: Request, live: Sequence[str]) -> bool:
        """Whether a peer sent it on; Problem (400, 503, 508) when its hop header is wrong."""
        hop = request.head.headers.get(HOP)
        if hop is None:
            return False
        if not _NAME.fullmatch(hop):
            raise Problem(HTTPStatus.BAD_REQUEST, f"{HOP} must name one relay-server")
        if hop == self._replicas.name:
            raise Problem(HTTPStatus.LOOP_DETECTED, f"{HOP} names this relay-server itself")
        request.connection.write(CONTINUE)
        try:
            known = hop in live or await self._replicas.is_live(hop)
        except RegistryDown:
            return True  # the service token has to do
        if not known:
            # It may have begun just now, so it is told to come again.
            words = f"{HOP} names no relay-server that is live"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, words, retry_after=1)
        return True

    async def open(self, cluster_id: str, request: Request) -> Outcome:
        """Ask who may have a link: OPENED, BUSY when somebody may have one soon, or NOT_THERE.

        UNREACHABLE: who had links has none or does not answer, so the cluster looks for another
        of us, or Redis has yet to hear of it.
        """
        try:
            # A replica that is gone may be named for a while by an address that is ours now.
            named = [each for each in await self._replicas.holding(cluster_id) if each != self._own]
        except RegistryDown:
            named = []
        outcome = await self._ask(named, request)
        if outcome in (Outcome.OPENED, Outcome.BUSY):
            return outcome
        if named:
            outcome = Outcome.UNREACHABLE
        others = [each for each in await self._everybody() if each not in named]
        found = await self._ask(others, request)
        return found if found in (Outcome.OPENED, Outcome.BUSY) else outcome

    async def _ask(self, addresses: Sequence[Address], request: Request) -> Outcome:
        found = Outcome.NOT_THERE
        for address in addresses:
            outcome = await self._forward_unless_silent(address, request)
            if outcome is Outcome.OPENED:
                return outcome
            if outcome is Outcome.BUSY or found is Outcome.NOT_THERE:
                found = outcome
        return found

    async def _forward_unless_silent(self, address: Address, request: Request) -> Outcome:
        """Ask that peer, unless it said nothing a moment ago."""
        now = asyncio.get_running_loop().time()
        if self._silent.get(address, now) > now:
            return Outcome.SILENT
        outcome = await self._forward(address, request)
        self.forwards[outcome.value] += 1
        if outcome is Outcome.SILENT:
            log.warning("the relay-server at %s says nothing", address)
            self._silent = {peer: until for peer, until in self._silent.items() if until > now}
            self._silent[address] = asyncio.get_running_loop().time() + SILENT_SECONDS
        return outcome

    async def _everybody(self) -> list[Address]:
        """The peers behind the services, in any order, ourselves left out."""
        found: set[Address] = set()
        for host, port in self._services:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    rows = await asyncio.get_running_loop().getaddrinfo(
                        host, port, type=socket.SOCK_STREAM
                    )
            except (OSError, TimeoutError) as failure:
                log.warning("the relay-servers at %s cannot be found: %s", host, failure)
                continue
            found |= {Address(str(row[4][0]), port) for row in rows}
        return _chance.sample(sorted(found - {self._own}), len(found - {self._own}))

    async def _forward(self, address: Address, request: Request) -> Outcome:
        try:
            connection = await connect(Origin(address.host, address.port), CONNECT_SECONDS)
        except CallFailed as failure:
            return Outcome.SILENT if failure.kind is Trouble.SILENT else Outcome.UNREACHABLE
        waiting = AwaitedHead(connection, f"the relay-server at {address}")
        try:
            connection.write(self._head(request))
            if await passed(HEAR_SECONDS, waiting.heard):
                connection.cut()
                return Outcome.SILENT
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await waiting.answer
            if request.connection.closed:
                raise CallFailed("the caller is gone")
            if answer.status == HTTPStatus.OK:
                self._join(request, connection, bytes(waiting.rest))
                return Outcome.OPENED
        except (CallFailed, TimeoutError):
            connection.cut()
            return Outcome.UNREACHABLE
        except asyncio.CancelledError:
            connection.cut()
            raise
        connection.close()
        return self._judged(address, answer.status, bytes(waiting.rest))

    def _judged(self, address: Address, status: int, body: bytes) -> Outcome:
        """What an answer that is no stream says; Problem when the cluster itself said no."""
        if status == HTTPStatus.NOT_FOUND:
            return Outcome.NOT_THERE
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            return Outcome.BUSY
        if status not in CLUSTER_REFUSES:
            log.warning("what answers at %s is no relay-server of ours: %d", address, status)
            return Outcome.UNREACHABLE
        self.forwards[Outcome.REFUSED.value] += 1
        raise _passed_on(HTTPStatus(status), body)

    def _head(self, request: Request) -> bytes:
        target = request.head.target
        lines = [f"CONNECT {target} HTTP/1.1", f"host: {target}", f"{HOP}: {self._replicas.name}"]
        lines += [f"proxy-authorization: Bearer {self._token}", "", ""]
        return "\r\n".join(lines).encode("latin-1")

    def _join(self, request: Request, connection: Connection, first: bytes) -> None:
        early = established(request)
        self._splices.add(Splice(request.connection, connection, self._splices.discard))
        connection.write(early)
        request.connection.write(first)


def established(request: Request) -> bytes:
    """Tell the caller that the stream is there; what it has sent early.

    From here on its connection ends in order or by a reset, also when this process is killed.
    """
    request.connection.guard()
    return request.hand_over(_ESTABLISHED)


def _passed_on(status: HTTPStatus, body: bytes) -> Problem:
    """What the peer answered, in its own words."""
    try:
        words = str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        words = f"another relay-server answered {status}"
    return Problem(status, words)
