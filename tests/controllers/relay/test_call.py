"""What may answer at the place of a hub or an API server, and means no good."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvloop

from controllers.relay.call import ANSWER_BYTES, Answer, Call, CallFailed, HttpClient, Origin

OK = b"HTTP/1.1 200 OK\r\n"


async def told(pieces: list[bytes]) -> Answer:
    """What a call makes of an answer in these pieces, after which nothing more comes."""

    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        over.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    client = HttpClient(Origin("127.0.0.1", server.sockets[0].getsockname()[1]))
    try:
        return await client.send(Call("POST", "/", {}), 30.0)
    finally:
        client.close()
        server.close()
        await over.wait()


@pytest.fixture(params=[None, uvloop.new_event_loop])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[Answer]], Answer]:
    def run(call: Awaitable[Answer]) -> Answer:
        async def called() -> Answer:
            return await call

        with asyncio.Runner(loop_factory=request.param) as runner:
            return runner.run(called())

    return run


def test_an_answer_is_read_whole(run: Callable[[Awaitable[Answer]], Answer]) -> None:
    body = b"x" * (ANSWER_BYTES - 1000)
    answer = run(told([OK, b"content-length: %d\r\n\r\n" % len(body), body]))
    assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([OK, *[b"x: " + b"y" * 1000 + b"\r\n"] * 1100], id="a head"),
        pytest.param([OK, b"x: " + b"y" * ANSWER_BYTES], id="a header"),
        pytest.param([OK, b"content-length: 9999999\r\n\r\n", b"x" * 1_100_000], id="a body"),
        pytest.param(
            [OK, b"transfer-encoding: chunked\r\n\r\n", b"1;" + b"x" * 1_100_000], id="a chunk"
        ),
    ],
)
def test_one_without_an_end_is_given_up(
    run: Callable[[Awaitable[Answer]], Answer], pieces: list[bytes]
) -> None:
    with pytest.raises(CallFailed, match="answers with too much"):
        run(told(pieces))


def test_one_that_leaves_http_is_none(
    run: Callable[[Awaitable[Answer]], Answer], caplog: pytest.LogCaptureFixture
) -> None:
    switching = b"HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"
    with caplog.at_level(logging.ERROR), pytest.raises(CallFailed, match="does not answer in HTTP"):
        run(told([switching]))
    assert caplog.records == []
