"""A kubelet's pod-resources v1 service for one simulated node, on its Unix socket."""

import os
import socket
from collections.abc import Iterable
from pathlib import Path

from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server, Stream

from infra.local.simulator.allocation import Grants
from infra.local.simulator.objects import RESOURCE, Pod

LIST = "/v1.PodResourcesLister/List"
_SOCKET_PATH_MAX = 107


def encode(pods: Iterable[Pod], grants: Grants, uuids: list[str]) -> bytes:
    """The ListPodResourcesResponse for pods of one node; ``uuids`` are its GPUs by index."""
    response = b""
    for pod in pods:
        grant = grants.get(pod.uid)
        if grant is None:
            continue
        message = _field(1, pod.name.encode()) + _field(2, pod.namespace.encode())
        for name, indexes in grant.containers:
            devices = _field(1, RESOURCE.encode())
            for index in indexes:
                devices += _field(2, uuids[index].encode())
            message += _field(3, _field(1, name.encode()) + _field(2, devices))
        response += _field(1, message)
    return response


class _Bytes(CodecBase):
    """Messages are encoded by hand."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, _: object) -> bytes:
        return message

    def decode(self, data: bytes, _: object) -> bytes:
        return data


class PodResources:
    """Answers List with ``response``, which the simulator replaces as pods come and go."""

    def __init__(self) -> None:
        self.response = b""
        self._server: Server | None = None
        self._path: Path | None = None

    async def start(self, path: Path) -> None:
        """Listen on ``path``; a socket left there by a former run is replaced."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        self._path = path
        self._server = Server([self], codec=_Bytes())
        await self._server.start(sock=_bound(path))

    async def stop(self) -> None:
        """Close and remove the socket."""
        if self._server is not None and self._path is not None:
            self._path.unlink(missing_ok=True)
            self._server.close()
            await self._server.wait_closed()

    async def _list(self, stream: "Stream[bytes, bytes]") -> None:
        await stream.recv_message()
        await stream.send_message(self.response)

    def __mapping__(self) -> dict[str, Handler]:
        """The one method, for grpclib."""
        return {LIST: Handler(self._list, Cardinality.UNARY_UNARY, bytes, bytes)}


def _bound(path: Path) -> socket.socket:
    """A bound socket; a path too long for the kernel goes by way of its folder."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        listener.bind(str(path))
    else:
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            listener.bind(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    path.chmod(0o600)
    return listener


def _field(number: int, payload: bytes) -> bytes:
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
