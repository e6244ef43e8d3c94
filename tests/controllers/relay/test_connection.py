"""A connection on both event loops: a fair share of the loop, and no close that hides a loss."""

import asyncio
import socket
import ssl
import threading
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import pytest
import uvloop

from controllers.relay import connection
from controllers.relay.connection import Connection, lingering
from controllers.relay.event_loop import LOOPS
from controllers.relay.limits import TURN_BYTES

UNSENT_BYTES = 24_000_000
"""More than two kernel buffers hold."""
AMOUNT = 24 * 1024 * 1024


class Counting:
    """A receiver that notes how much came in each turn of the loop."""

    def __init__(self, counted: Connection) -> None:
        self.by_turn: Counter[int] = Counter()
        self.over = asyncio.Event()
        self._turn = 0
        self._connection = counted
        counted.receiver = self
        self._next()

    def _next(self) -> None:
        self._turn += 1
        if not self.over.is_set():
            asyncio.get_running_loop().call_soon(self._next)

    def received(self, data: memoryview) -> None:
        self.by_turn[self._turn] += len(data)
        if self.by_turn.total() == AMOUNT:
            self._connection.close()

    def ended(self) -> None:
        self._connection.close()

    def lost(self, _failure: Exception | None) -> None:
        self.over.set()

    def full(self) -> None:
        pass

    def drained(self) -> None:
        pass


def flood(port: int, ca: Path | None) -> None:
    """As fast as can be."""
    with ExitStack() as stack:
        sock = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            sock = stack.enter_context(context.wrap_socket(sock, server_hostname="127.0.0.1"))
        sock.sendall(bytes(AMOUNT))
        sock.recv(1)


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("loop", LOOPS)
def test_one_that_floods_gets_no_more_of_a_turn_than_its_share(
    loop: str, encrypted: bool, pki: Path
) -> None:
    context = None
    if encrypted:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pki / "relay.crt", pki / "relay.key")

    async def scene() -> Counter[int]:
        running = asyncio.get_running_loop()
        made: asyncio.Future[Counting] = running.create_future()

        def accepted() -> Connection:
            accepted_one = Connection()
            made.set_result(Counting(accepted_one))
            return accepted_one

        server = await running.create_server(accepted, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        ca = pki / "ca.crt" if encrypted else None
        thread = threading.Thread(target=flood, args=(port, ca))
        thread.start()
        counting = await made
        async with asyncio.timeout(60):
            await counting.over.wait()
        thread.join(10)
        server.close()
        return counting.by_turn

    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        by_turn = runner.run(scene())
    assert sum(by_turn.values()) == AMOUNT
    # What has been let through of a share is not taken off the next turn's.
    assert max(by_turn.values()) <= 2 * TURN_BYTES


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_closed_and_not_read_for_long_is_cut(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "LINGER_SECONDS", 0.2)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        peers: asyncio.Queue[asyncio.StreamReader] = asyncio.Queue()
        server = await asyncio.start_server(lambda peer, _: peers.put(peer), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        _, closing = await loop.create_connection(Connection, "127.0.0.1", port)
        reader = await peers.get()
        closing.write(bytes(UNSENT_BYTES))
        closing.close()
        assert closing in lingering()
        while closing in lingering():
            await asyncio.sleep(0.01)
        with pytest.raises(ConnectionResetError):
            await reader.read()

    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(work(), 20))
