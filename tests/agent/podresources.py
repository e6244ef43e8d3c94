"""A kubelet's pod-resources: its answers' parts, and a real gRPC server on a Unix socket."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from grpclib.const import Cardinality, Handler, Status
from grpclib.exceptions import GRPCError
from grpclib.server import Server, Stream

from agent.protobuf import field
from agent.simulated.node.plugin import Raw

LIST = "/v1.PodResourcesLister/List"


def pod(name: str, container: bytes) -> bytes:
    parts = field(1, name.encode()) + field(2, b"vision")
    return field(1, parts + field(3, field(1, b"main") + container))


def devices(resource: str, *ids: str) -> bytes:
    return field(2, field(1, resource.encode()) + b"".join(field(2, one.encode()) for one in ids))


def claimed(driver: str, pool: str, device: str) -> bytes:
    names = zip((2, 3, 4), (driver, pool, device), strict=True)
    texts = b"".join(field(number, text.encode()) for number, text in names)
    cdi = field(1, field(1, b"vendor.example/claim=" + b"a" * 200))
    return field(5, field(2, b"claim") + field(3, b"vision") + field(4, cdi + texts))


class Answering:
    """A pod-resources server in a thread: answers ``response`` after ``hold`` is set."""

    def __init__(self, path: Path, response: bytes = b"") -> None:
        self.response = response
        self.refuse: Status | None = None
        self.calls = 0
        self.hold = asyncio.Event()
        self.hold.set()
        self._path = path
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._ready.wait(10)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self.hold.set)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()
        self._path.unlink(missing_ok=True)

    def __mapping__(self) -> dict[str, Handler]:
        return {LIST: Handler(self._list, Cardinality.UNARY_UNARY, None, None)}

    async def _list(self, stream: Stream[Any, Any]) -> None:
        await stream.recv_message()
        self.calls += 1
        await self.hold.wait()
        if self.refuse:
            raise GRPCError(self.refuse)
        await stream.send_message(self.response)

    async def _run(self) -> None:
        server = Server([self], codec=Raw())
        await server.start(path=str(self._path))
        self._ready.set()
        await self._end.wait()
        self.hold.set()
        server.close()
        await server.wait_closed()
