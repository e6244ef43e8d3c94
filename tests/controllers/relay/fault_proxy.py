"""A TLS proxy that cuts, or holds, one exchange after a given number of its bytes."""

import asyncio
import contextlib
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

SECONDS = 20.0


@dataclass
class Direction:
    """One way of the exchange: what went by, and after how many bytes it is cut or held."""

    cut_after: int | None = None
    hold: threading.Event | None = None
    held: threading.Event = field(default_factory=threading.Event)
    passed: bytes = b""

    @property
    def head(self) -> int:
        """How many bytes its HTTP head had."""
        return self.passed.index(b"\r\n\r\n") + 4


class FaultProxy:
    """Between a client and the hub; ``request`` and ``answer`` hold for exchanges that begin."""

    def __init__(self, hub_url: str, pki: Path) -> None:
        parts = urlsplit(hub_url)
        self._hub = (parts.hostname, parts.port)
        self.request, self.answer = Direction(), Direction()
        self._inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._inside.load_cert_chain(pki / "relay.crt", pki / "relay.key")
        self._outside = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        listening = asyncio.start_server(self._exchange, "127.0.0.1", 0, ssl=self._inside)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(SECONDS)
        self.url = f"https://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def heal(self) -> None:
        """From now on let everything through."""
        self.request, self.answer = Direction(), Direction()

    def close(self) -> None:
        """Take no more, and let go of all there is."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _exchange(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        request, answer = self.request, self.answer
        hub, forth = await asyncio.open_connection(*self._hub, ssl=self._outside)
        ways = [
            asyncio.create_task(_pass(client, forth, request)),
            asyncio.create_task(_pass(hub, back, answer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            for writer in (back, forth):
                # All that was passed is sent first, and only then it is cut.
                with contextlib.suppress(OSError, TimeoutError):
                    writer.close()
                    await asyncio.wait_for(writer.wait_closed(), 2)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter, way: Direction) -> None:
    """Until the end of either, or of what may pass."""
    with contextlib.suppress(OSError):
        while way.cut_after != len(way.passed) and (data := await source.read(65536)):
            if way.hold is not None:
                way.held.set()
                await asyncio.to_thread(way.hold.wait, SECONDS)
            room = len(data) if way.cut_after is None else way.cut_after - len(way.passed)
            target.write(data[:room])
            await target.drain()
            way.passed += data[:room]
