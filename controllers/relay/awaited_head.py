"""Waits for the head of an answer on a connection that will carry something else after it."""

import asyncio
from http import HTTPStatus

from controllers.relay import head
from controllers.relay.call import CallFailed
from controllers.relay.connection import Connection


class AwaitedHead:
    """The receiver until the head is there; ``rest`` is what came after it.

    ``heard`` is set before that when the peer says that it is at it (100), else with the answer.
    """

    def __init__(self, connection: Connection, place: str) -> None:
        self.answer: asyncio.Future[head.AnswerHead] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting any more when it fails.
        self.answer.add_done_callback(lambda future: future.cancelled() or future.exception())
        self.heard = asyncio.Event()
        self.answer.add_done_callback(lambda _: self.heard.set())
        self.rest = bytearray()
        self._place = place
        self._connection = connection
        connection.receiver = self
        if connection.closed:  # before anybody could be told
            self.lost(None)

    def received(self, data: memoryview) -> None:
        """Until the head is whole, and what follows at once."""
        self.rest += data
        if self.answer.done():
            return
        try:
            while not self.answer.done() and (raw := head.split(self.rest)) is not None:
                parsed = head.answer(raw)
                if parsed.status == HTTPStatus.CONTINUE:
                    self.heard.set()
                else:
                    self.answer.set_result(parsed)
        except head.HeadError as failure:
            self.answer.set_exception(CallFailed(f"{self._place} does not speak HTTP: {failure}"))

    def ended(self) -> None:
        """The peer sends no more."""
        self._connection.close()

    def lost(self, _failure: Exception | None) -> None:
        """No head will come."""
        if not self.answer.done():
            self.answer.set_exception(CallFailed(f"{self._place} closed during the handshake"))

    def full(self) -> None:
        """What is sent before the head is small."""

    def drained(self) -> None:
        """See ``full``."""
