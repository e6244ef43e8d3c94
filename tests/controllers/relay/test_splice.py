"""Two connections made one: bytes, ends, cuts and back-pressure go through."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
import uvloop

from controllers.relay.call import Origin, connect
from controllers.relay.connection import Connection
from controllers.relay.splice import Splice


class Between:
    """A caller and a target, with a splice of ours between them."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self._targets: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = (
            asyncio.Queue()
        )

    async def open(self) -> "Between":
        target = await asyncio.start_server(
            lambda *streams: self._targets.put(streams), "127.0.0.1", 0
        )
        there = await connect(Origin("127.0.0.1", target.sockets[0].getsockname()[1]))
        accepted: asyncio.Future[Connection] = asyncio.get_running_loop().create_future()

        class Accepting(Connection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                accepted.set_result(self)

        server = await asyncio.get_running_loop().create_server(Accepting, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        self.caller = await asyncio.open_connection("127.0.0.1", port)
        self.splice = Splice(await accepted, there, lambda _: self.over.set())
        self.target = await self._targets.get()
        return self


def run(work: Coroutine[Any, Any, None], loop: str) -> None:
    factory = uvloop.new_event_loop if loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(work, 20))


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_bytes_go_both_ways_and_an_end_comes_after_the_last_of_them(loop: str) -> None:
    payload = bytes(range(256)) * 20_000

    async def work() -> None:
        between = await Between().open()
        for (_, writer), (reader, _) in (
            (between.caller, between.target),
            (between.target, between.caller),
        ):
            sending = asyncio.create_task(_send(writer, payload))
            assert await reader.readexactly(len(payload)) == payload
            await sending
        between.target[1].write(b"the last")
        between.target[1].close()
        assert await between.caller[0].read() == b"the last"
        between.caller[1].close()
        await between.over.wait()

    run(work(), loop)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_cut_is_no_end(loop: str) -> None:
    async def work() -> None:
        between = await Between().open()
        between.target[1].write(b"half of")
        assert await between.caller[0].readexactly(7) == b"half of"
        between.splice.cut()
        with pytest.raises(ConnectionResetError):
            await between.caller[0].read()
        await between.over.wait()

    run(work(), loop)


def test_a_side_that_does_not_read_stops_the_other() -> None:
    async def work() -> None:
        between = await Between().open()
        reader, writer = between.target[0], between.caller[1]
        sent = await _until_stuck(writer)
        assert sent < 100_000_000
        received = 0
        while received < sent:
            received += len(await reader.read(1_000_000))
        writer.transport.abort()

    run(work(), "uvloop")


def test_a_caller_who_is_gone_ends_both() -> None:
    async def work() -> None:
        between = await Between().open()
        between.caller[1].transport.abort()
        assert await between.target[0].read() == b""
        await between.over.wait()

    run(work(), "uvloop")


async def _until_stuck(writer: asyncio.StreamWriter) -> int:
    """How much can be sent until nobody takes more."""
    sent = 0
    while sent < 100_000_000:
        writer.write(b"x" * 1_000_000)
        sent += 1_000_000
        try:
            await asyncio.wait_for(writer.drain(), 0.5)
        except TimeoutError:
            break
    return sent


async def _send(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(payload)
    await writer.drain()
