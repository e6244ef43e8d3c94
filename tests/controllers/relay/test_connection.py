"""One socket: a close that cannot send what is left is no end."""

import asyncio

import pytest
import uvloop

from controllers.relay import connection
from controllers.relay.connection import Connection, lingering

UNSENT_BYTES = 24_000_000
"""More than two kernel buffers hold."""


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
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
