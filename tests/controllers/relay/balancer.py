"""A Service in small: passes each TCP connection on to one of the ports that are in."""

import asyncio
import random
import threading
from collections.abc import Coroutine
from typing import Any

_CHUNK = 64 * 1024


class Balancer:
    """Takes the ports by chance, as kube-proxy does; one that refuses is passed over."""

    def __init__(self, *ports: int) -> None:
        self.ports = list(ports)
        self.accepted: list[float] = []
        """When, by the loop's clock."""
        self._chance = random.Random(20)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server: asyncio.Server = self._call(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        )
        self.port = int(self._server.sockets[0].getsockname()[1])

    def cut(self) -> None:
        """Cut what goes through now."""
        self._call(self._end())

    def close(self) -> None:
        """Cut everything."""
        # In its own thread: it is not safe to be closed from another.
        self._loop.call_soon_threadsafe(self._server.close)
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _end(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.append(self._loop.time())
        for port in self._chance.sample(self.ports, len(self.ports)):
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
            await asyncio.gather(_pass(reader, far_writer), _pass(far_reader, writer))
            return
        writer.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction; a cut is passed on as a cut."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.close()
    except (OSError, asyncio.CancelledError):
        writer.transport.abort()
