"""Two WebSocket implementations that are not ours, behind one face, to speak to both of our sides.

A sequence that is sent goes out as one message in as many fragments.
"""

import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Queue
from typing import Any, Protocol, TypeAlias

import websockets.sync.client
import websockets.sync.server
from websockets.exceptions import ConnectionClosed
from wsproto import ConnectionType, WSConnection, events

from controllers.relay.limits import PROTOCOL
from controllers.relay.websocket import CONNECT_PATH

SECONDS = 15.0
Message: TypeAlias = str | bytes


class Peer(Protocol):
    """What the tests do with either of them."""

    def send(self, message: Message | Sequence[Message]) -> None: ...

    def receive(self) -> Message: ...

    def ping(self, payload: bytes) -> bool:
        """Whether the same came back; what else comes meanwhile is kept."""

    def close(self, code: int) -> int | None:
        """The code of the other side's answer."""

    def closed_by(self) -> int | None:
        """The code by which the other side closes, whatever it says before that."""


class _InTurns(ssl.SSLSocket):
    """Read by one thread and written by another, which OpenSSL bears one at a time only.

    Python sees to that itself from 3.13 on.
    """

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        while True:
            if not self.pending() and not select.select([self], [], [], self.gettimeout())[0]:
                raise TimeoutError("timed out")
            with _turn:
                before = self.gettimeout()
                self.settimeout(0)
                try:
                    return super().recv(buflen, flags)
                except ssl.SSLWantReadError:
                    continue
                finally:
                    self.settimeout(before)

    def sendall(self, data: Any, flags: int = 0) -> None:
        with _turn:
            super().sendall(data, flags)


_turn = threading.RLock()


class Websockets:
    """By the package websockets."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def send(self, message: Message | Sequence[Message]) -> None:
        with suppress(ConnectionClosed):  # ``closed_by`` says why
            self._connection.send(message)

    def receive(self) -> Message:
        return self._connection.recv(SECONDS)

    def ping(self, payload: bytes) -> bool:
        return self._connection.ping(payload).wait(SECONDS)

    def close(self, code: int) -> int | None:
        self._connection.close(code)
        return self._code()

    def closed_by(self) -> int | None:
        with suppress(ConnectionClosed):
            while True:
                self.receive()
        return self._code()

    def _code(self) -> int | None:
        said = self._connection.protocol.close_rcvd
        return None if said is None else said.code


class Wsproto:
    """By the package wsproto, which reads and writes no socket itself."""

    def __init__(self, sock: ssl.SSLSocket, protocol: WSConnection) -> None:
        self._sock, self._protocol = sock, protocol
        self._parts: list[Message] = []
        self._kept: list[Message] = []
        self._code: int | None = None
        self._pongs: list[bytes] = []

    def send(self, message: Message | Sequence[Message]) -> None:
        parts = [message] if isinstance(message, str | bytes) else list(message)
        for number, part in enumerate(parts, 1):
            kind = events.TextMessage if isinstance(part, str) else events.BytesMessage
            with suppress(OSError):  # ``closed_by`` says why
                self._send(kind(data=part, message_finished=number == len(parts)))

    def receive(self) -> Message:
        while not self._kept:
            assert self._more(), "it is closed"
        return self._kept.pop(0)

    def ping(self, payload: bytes) -> bool:
        self._pongs.clear()
        self._send(events.Ping(payload=payload))
        while payload not in self._pongs:
            assert self._more(), "it is closed"
        return True

    def close(self, code: int) -> int | None:
        self._send(events.CloseConnection(code=code))
        answer = self.closed_by()
        self._sock.close()
        return answer

    def closed_by(self) -> int | None:
        while self._code is None and self._more():
            pass
        return self._code

    def _send(self, event: events.Event) -> None:
        self._sock.sendall(self._protocol.send(event))

    def _more(self) -> bool:
        data = self._sock.recv(65536)
        self._protocol.receive_data(data or None)
        for event in self._protocol.events():
            match event:
                case events.Message(data=part, message_finished=last):
                    self._parts.append(bytes(part) if isinstance(part, bytearray) else part)
                    if last:
                        empty = type(self._parts[0])()
                        self._kept.append(empty.join(self._parts))
                        self._parts = []
                case events.Ping():
                    self._send(event.response())
                case events.Pong(payload=payload):
                    self._pongs.append(bytes(payload))
                case events.CloseConnection(code=code):
                    self._code = code
        return bool(data)


@contextmanager
def dialled_by_websockets(hub: Any, token: str) -> Iterator[Websockets]:
    """A client of our relay-server."""
    context = ssl.create_default_context(cafile=hub.ca)
    context.sslsocket_class = _InTurns
    with websockets.sync.client.connect(
        f"wss://127.0.0.1:{hub.port}{CONNECT_PATH}",
        ssl=context,
        subprotocols=[PROTOCOL],
        additional_headers={"authorization": f"Bearer {token}", "x-neurox-instance": "websockets"},
        compression=None,
        proxy=None,
        close_timeout=SECONDS,
    ) as connection:
        yield Websockets(connection)


@contextmanager
def dialled_by_wsproto(hub: Any, token: str) -> Iterator[Wsproto]:
    """The same."""
    context = ssl.create_default_context(cafile=hub.ca)
    with (
        socket.create_connection(("127.0.0.1", hub.port), timeout=SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as sock,
    ):
        protocol = WSConnection(ConnectionType.CLIENT)
        asked = events.Request(
            host="hub",
            target=CONNECT_PATH,
            subprotocols=[PROTOCOL],
            extra_headers=[(b"authorization", f"Bearer {token}".encode())],
        )
        sock.sendall(protocol.send(asked))
        # What comes right behind the answer must be left for the peer.
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += sock.recv(1)
        protocol.receive_data(answer)
        accepted = next(iter(protocol.events()))
        assert isinstance(accepted, events.AcceptConnection), accepted
        assert accepted.subprotocol == PROTOCOL
        yield Wsproto(sock, protocol)


@contextmanager
def served_by_websockets(port: int, pki: Path) -> Iterator[Callable[[], Websockets]]:
    """A server that our relay-client dials; gives the next connection."""
    arrived: Queue[Websockets] = Queue()
    over = threading.Event()

    def handler(connection: Any) -> None:
        arrived.put(Websockets(connection))
        over.wait()

    with websockets.sync.server.serve(
        handler,
        "127.0.0.1",
        port,
        ssl=_server_side(pki),
        subprotocols=[PROTOCOL],
        compression=None,
        close_timeout=1,
    ) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield lambda: arrived.get(timeout=SECONDS)
        finally:
            over.set()
            server.shutdown()
            thread.join(SECONDS)


@contextmanager
def served_by_wsproto(port: int, pki: Path) -> Iterator[Callable[[], Wsproto]]:
    """The same."""
    context, taken = _server_side(pki), []

    def accept() -> Wsproto:
        plain, _ = listening.accept()
        plain.settimeout(SECONDS)
        sock = context.wrap_socket(plain, server_side=True)
        taken.append(sock)
        protocol = WSConnection(ConnectionType.SERVER)
        while True:
            protocol.receive_data(sock.recv(65536))
            for asked in protocol.events():
                assert isinstance(asked, events.Request), asked
                assert asked.subprotocols == [PROTOCOL]
                sock.sendall(protocol.send(events.AcceptConnection(subprotocol=PROTOCOL)))
                return Wsproto(sock, protocol)

    with socket.create_server(("127.0.0.1", port)) as listening:
        listening.settimeout(SECONDS)
        try:
            yield accept
        finally:
            for sock in taken:
                sock.close()


def _server_side(pki: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "relay.crt", pki / "relay.key")
    return context
