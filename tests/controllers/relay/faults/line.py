"""A line between clients and a server that can be cut, slowed down, or go on for ever."""

import asyncio
import socket
import struct

from tests.controllers.relay.balancer import Balancer

_CHUNK = 64 * 1024
_HARD = struct.pack("ii", 1, 0)


class Line(Balancer):
    """Passes connections on to one port. Its faults may be set and taken back at any time."""

    def __init__(self, port: int) -> None:
        self.left: int | None = None
        """So many bytes still go to the server, of all connections together; then all are cut."""
        self.hard = False
        """Cut by resets, and not by ends that look orderly."""
        self.rate: float | None = None
        """Bytes a second of each connection, each way."""
        self._open: set[asyncio.StreamWriter] = set()
        super().__init__(port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted.append(self._loop.time())
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.ports[0])
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, far_writer}
        self._open |= ends
        pumps = [
            asyncio.ensure_future(self._pump(reader, far_writer, up=True)),
            asyncio.ensure_future(self._pump(far_reader, writer, up=False)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in ends:
                end.close()
            self._open -= ends

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, up: bool
    ) -> None:
        while data := await reader.read(_CHUNK):
            for piece in self._pieces(data):
                if self.rate is not None:
                    await asyncio.sleep(1 / self.rate)
                writer.write(piece if not up else self._counted(piece))
                await writer.drain()
                if self.left == 0:
                    self._cut()

    def _counted(self, data: bytes) -> bytes:
        if self.left is not None:
            data = data[: self.left]
            self.left -= len(data)
        return data

    def _pieces(self, data: bytes) -> list[bytes]:
        return [data] if self.rate is None else [bytes((byte,)) for byte in data]

    def _cut(self) -> None:
        self.left = None
        for end in self._open:
            sock = end.get_extra_info("socket")
            if self.hard:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _HARD)
                end.transport.abort()
            else:
                end.close()
