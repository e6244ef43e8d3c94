"""A port, plain and with TLS, on both event loops: who is let in, who waits, who is turned away."""

import asyncio
import gc
import os
import resource
import socket
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from pathlib import Path

import pytest
import uvloop

from controllers.environment import Address
from controllers.relay.connection import USER_TIMEOUT_MS
from controllers.relay.event_loop import LOOPS
from controllers.relay.exchange import Request
from controllers.relay.listener import Listener

GET = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
Work = Callable[[], Coroutine[None, None, None]]


@pytest.fixture(params=LOOPS)
def run(request: pytest.FixtureRequest) -> Callable[[Work], None]:
    def on_that_loop(work: Work) -> None:
        factory = uvloop.new_event_loop if request.param == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(work(), 30))

    return on_that_loop


class Port:
    """A listener that answers everything, and callers of it."""

    def __init__(self, pki: Path, encrypted: bool, most: int = 10) -> None:
        self.asked: list[Request] = []
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.listener = Listener(self._handle, most=most)
        self._inside = self._outside = None
        if encrypted:
            self._inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._inside.load_cert_chain(pki / "relay.crt", pki / "relay.key")
            self._outside = ssl.create_default_context(cafile=str(pki / "ca.crt"))

    async def listen(self) -> None:
        self.address = await self.listener.listen(Address("127.0.0.1", 0), self._inside)

    async def ask(self, sock: socket.socket) -> bytes:
        """The first line that comes; nothing when it is closed without one."""
        name = "127.0.0.1" if self._outside else None
        try:
            kept = await asyncio.open_connection(sock=sock, ssl=self._outside, server_hostname=name)
            self._kept.append(kept)
            kept[1].write(GET)
            return await kept[0].readline()
        except ConnectionError:
            return b""

    async def _handle(self, request: Request) -> None:
        self.asked.append(request)
        request.answer(HTTPStatus.NO_CONTENT)


async def dialled(address: Address) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (address.host, address.port))
    return sock


@pytest.mark.parametrize("encrypted", [False, True])
def test_tcp_notices_when_a_caller_is_gone(
    run: Callable[[Work], None], pki: Path, encrypted: bool
) -> None:
    async def work() -> None:
        port = Port(pki, encrypted)
        await port.listen()
        assert b" 204 " in await port.ask(await dialled(port.address))
        taken = port.asked[0].connection._transport.get_extra_info("socket")
        assert taken.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT_MS
        assert taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        port.listener.close()

    run(work)


@pytest.mark.parametrize("encrypted", [False, True])
def test_one_too_many_is_turned_away_and_counted(
    run: Callable[[Work], None], pki: Path, encrypted: bool
) -> None:
    async def work() -> None:
        port = Port(pki, encrypted, most=1)
        await port.listen()
        assert b" 204 " in await port.ask(await dialled(port.address))
        assert await port.ask(await dialled(port.address)) == b""
        assert port.listener.turned_away == 1
        port.listener.close()

    run(work)


@pytest.mark.parametrize("encrypted", [False, True])
def test_nobody_is_let_in_once_it_has_stopped(
    run: Callable[[Work], None], pki: Path, encrypted: bool
) -> None:
    async def work() -> None:
        port = Port(pki, encrypted)
        await port.listen()
        port.listener.stop_accepting()
        await asyncio.sleep(0)
        with pytest.raises(ConnectionRefusedError):
            await dialled(port.address)

    run(work)


def test_who_comes_while_no_descriptor_is_left_waits(
    run: Callable[[Work], None], pki: Path
) -> None:
    async def work() -> None:
        port = Port(pki, encrypted=True)
        await port.listen()
        with no_descriptor_left_but_one():
            sock = await dialled(port.address)
            asking = asyncio.create_task(port.ask(sock))
            await asyncio.wait([asking], timeout=0.1)
            assert not port.asked
        assert b" 204 " in await asking
        port.listener.close()

    run(work)


@contextmanager
def no_descriptor_left_but_one() -> Iterator[None]:
    gc.collect()  # what other tests have left would be closed when it suits least
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(each.name) for each in Path("/proc/self/fd").iterdir())
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 2, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        held = []
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            os.close(held.pop())
        for number in held:
            stack.callback(os.close, number)
        yield
