"""The plain end of a stream: the caller on the server's side, the target on the client's."""

from typing import Protocol

from controllers.relay.connection import Connection


class LegLink(Protocol):
    """What a leg tells its link."""

    connection: Connection

    def send_data(self, data: memoryview) -> None:
        """Bytes from the plain side."""

    def leg_ended(self) -> None:
        """The plain side sends no more."""

    def leg_broke(self) -> None:
        """The plain side was cut."""


class Leg:
    """Passes bytes and back-pressure between a plain connection and a link, until released."""

    def __init__(self, connection: Connection, link: LegLink) -> None:
        self.connection = connection
        self._link: LegLink | None = link
        connection.receiver = self
        connection.guard()
        if connection.is_full:
            self.full()

    def received(self, data: memoryview) -> None:
        """Into the stream."""
        if self._link is not None:
            self._link.send_data(data)

    def ended(self) -> None:
        """The end of this direction, in band."""
        if self._link is not None:
            self._link.leg_ended()
        else:
            self.connection.close()

    def lost(self, failure: Exception | None) -> None:
        """An orderly close ends the direction; anything else resets the stream."""
        if self._link is None:
            return
        # It may have been full: nothing would read the peer's end any more.
        self._link.connection.resume("leg")
        if failure is None:
            self._link.leg_ended()
        else:
            self._link.leg_broke()

    def full(self) -> None:
        """The plain side reads slowly: the link must not bring more."""
        if self._link is not None:
            self._link.connection.pause("leg")

    def drained(self) -> None:
        """The link may bring more."""
        if self._link is not None:
            self._link.connection.resume("leg")

    def release(self, cut: bool) -> None:
        """The stream is over: close after what is left is sent, or cut at once."""
        link, self._link = self._link, None
        if link is not None:
            link.connection.resume("leg")
        self.connection.resume("link")
        if cut:
            self.connection.cut()
        else:
            self.connection.close()
