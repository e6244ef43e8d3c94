"""An HTTP proxy that lets CONNECT through, or fails in one of the ways in which proxies do."""

import asyncio
import base64
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

SECONDS = 20.0


class ConnectProxy:
    """``hosts`` are the names it alone knows; ``led`` is where it was asked to lead to.

    ``fault`` is an answer to give to everybody, or ``silent`` or ``dies``.
    """

    def __init__(self, hosts: dict[str, int], user: str = "", fault: str = "") -> None:
        self.hosts, self.fault = hosts, fault
        self.led: list[str] = []
        self.strangers = 0
        self._wanted = "Basic " + base64.b64encode(user.encode()).decode() if user else ""
        self._ways: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(SECONDS)
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://{user}{'@' if user else ''}127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Let go of all that runs through it."""

        async def cancel() -> None:
            for way in list(self._ways):
                way.cancel()

        asyncio.run_coroutine_threadsafe(cancel(), self._loop).result(SECONDS)

    def close(self) -> None:
        """Take no more, and let go of all there is."""
        self._loop.call_soon_threadsafe(self._server.close)
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(SECONDS)
        self._loop.close()

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._ways.add(task)
        task.add_done_callback(self._ways.discard)
        with contextlib.suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            await self._lead(client, back)
        back.transport.abort()

    async def _lead(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        lines = (await client.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, place, _ = lines[0].split(" ")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        shown = next((line[21:] for line in lines if line.lower().startswith("proxy-auth")), "")
        assert (method, headers["host"]) == ("CONNECT", place.lower())
        if self.fault == "silent":
            await asyncio.sleep(SECONDS)
        if self.fault == "dies":
            return
        if self.fault or shown != self._wanted:
            self.strangers += shown != self._wanted
            refusal = self.fault or "HTTP/1.1 407 Proxy Authentication Required"
            back.write(f"{refusal}\r\ncontent-length: 0\r\n\r\n".encode())
            await back.drain()
            return
        self.led.append(place)
        name, _, port = place.rpartition(":")
        there, forth = await asyncio.open_connection("127.0.0.1", self.hosts.get(name, int(port)))
        back.write(b"HTTP/1.0 200 Connection established\r\n\r\n")
        both = _pass(client, forth), _pass(there, back)
        try:
            ways = [asyncio.ensure_future(way) for way in both]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            forth.transport.abort()


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


def new_proxies() -> Iterator[Callable[..., ConnectProxy]]:
    """For a fixture: starts proxies, and closes them all after the test."""
    started: list[ConnectProxy] = []

    def start(*args: Any, **more: Any) -> ConnectProxy:
        started.append(ConnectProxy(*args, **more))
        return started[-1]

    yield start
    for proxy in started:
        proxy.close()
