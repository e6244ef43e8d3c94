"""Dialling a link: TLS, the WebSocket handshake with a fresh token, and the link it makes."""

import asyncio
from http import HTTPStatus

from controllers.relay import barred, websocket
from controllers.relay.awaited_head import AwaitedHead
from controllers.relay.call import CallFailed, Origin, connect
from controllers.relay.client.clock import Clock
from controllers.relay.client.keyring import Member
from controllers.relay.client.link import ClientLink, Owner
from controllers.relay.client.whereabouts import Whereabouts
from controllers.relay.head import AnswerHead
from controllers.relay.identity import CONNECT
from controllers.relay.limits import HEAD_SECONDS, PROTOCOL, Timing


class DialRefused(Exception):
    """Something is there and does not let us in.

    ``retry_after`` is in seconds, if it said so; ``barred``: it was not the relay-server.
    """

    def __init__(self, answer: AnswerHead) -> None:
        status = self.status = answer.status
        self.retry_after = _seconds(answer.headers.get("retry-after"))
        self.barred = barred.barred(status, answer.headers)
        super().__init__(f"{barred.words(status)}. {barred.FIX}" if self.barred else _words(answer))


class Dialler:
    """Makes links for one member."""

    def __init__(
        self, member: Member, clock: Clock, instance: str, whereabouts: Whereabouts
    ) -> None:
        self.member = member
        self._clock = clock
        self._instance = instance
        self.whereabouts = whereabouts

    def use(self, member: Member) -> None:
        """Dial as this form of the member from now on; links that are there stay."""
        self.member = member

    async def dial(self, owner: Owner) -> ClientLink:
        """A new link, to the first place that makes one; DialRefused or CallFailed."""
        failures: list[CallFailed | DialRefused] = []
        for place in self.whereabouts.order():
            try:
                link = await self._dial(self.whereabouts.origin_of(place), owner)
            except (CallFailed, DialRefused) as failure:
                self.whereabouts.failed(place, failure)
                failures.append(failure)
            else:
                self.whereabouts.worked(place)
                return link
        # A hub that refuses us has more to say than an address at which there is none.
        raise max(failures, key=lambda failure: isinstance(failure, DialRefused))

    async def _dial(self, origin: Origin, owner: Owner) -> ClientLink:
        connection = await connect(origin)
        member = self.member
        token = member.key.token(member.cluster_id, CONNECT, self._clock.now())
        key = websocket.new_key()
        waiting = AwaitedHead(connection, "the hub")
        connection.write(websocket.request(origin.authority, key, token, self._instance))
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                answer = await waiting.answer
        except TimeoutError:
            connection.cut()
            raise CallFailed(f"{origin.authority} does not answer the handshake") from None
        except (CallFailed, asyncio.CancelledError):
            connection.cut()
            raise
        corrected = self._clock.observe(answer.headers.get("date"))
        if not websocket.consented(answer, key):
            connection.cut()
            if corrected:
                raise CallFailed("our clock was wrong; it is corrected by the hub's")
            raise DialRefused(answer)
        if connection.closed:
            raise CallFailed("the hub closed after the handshake")
        link = ClientLink(connection, owner, Timing())
        if waiting.rest:
            link.received(bytes(waiting.rest))
        return link


def _words(answer: AnswerHead) -> str:
    """What the relay-server has refused, and what to do."""
    words = f"the hub answered {answer.status}"
    if answer.status == HTTPStatus.UPGRADE_REQUIRED:
        speaks = answer.headers.get("sec-websocket-protocol", "")[:60] or "another protocol"
        words += f": it speaks {speaks}, this relay-client {PROTOCOL}; upgrade the older of the two"
    if answer.status == HTTPStatus.FORBIDDEN:
        words += ": this cluster's access was taken back; make a new join token (Clusters page, or"
        words += " `neurox cluster join NAME`) and apply its Secret here"
    if answer.status == HTTPStatus.UNAUTHORIZED:
        words += ": it does not take this cluster's key"
    return words


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() and len(value) < 6 else None
