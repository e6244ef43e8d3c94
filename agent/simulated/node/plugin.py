"""A device plugin (v1beta1) whose devices are the uuids of the simulated GPUs."""

import asyncio
from collections.abc import Sequence

from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Stream

from agent.protobuf import field, fields, numbers

RESOURCE = "nvidia.com/gpu"
VERSION = "v1beta1"
OPTIONS = b"\x10\x01"
"""DevicePluginOptions: get_preferred_allocation_available."""
_SERVICE = f"/{VERSION}.DevicePlugin"
_Wire = Stream[bytes, bytes]


class Raw(CodecBase):
    """Messages are encoded by hand."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, _: object) -> bytes:
        """As it is."""
        return message

    def decode(self, data: bytes, _: object) -> bytes:
        """As it is."""
        return data


def devices(uuids: Sequence[str]) -> bytes:
    """A ListAndWatchResponse: all healthy."""
    each = (field(1, uuid.encode()) + field(2, b"Healthy") for uuid in uuids)
    return b"".join(field(1, device) for device in each)


def allocated(request: bytes) -> bytes:
    """The AllocateResponse: what NVIDIA's own plugin tells a container, by its environment."""
    response = b""
    for _, container in fields(request):
        uuids = b",".join(value for number, value in fields(container) if number == 1)
        env = field(1, b"NVIDIA_VISIBLE_DEVICES") + field(2, uuids)
        response += field(1, field(1, env))
    return response


def preferred(request: bytes, uuids: Sequence[str]) -> bytes:
    """The PreferredAllocationResponse: what must be, then the lowest of what is free."""
    response = b""
    for _, container in fields(request):
        parts = list(fields(container))
        size = dict(numbers(container)).get(3, 0)
        must = [value.decode() for number, value in parts if number == 2]
        free = {value.decode() for number, value in parts if number == 1} - set(must)
        chosen = [*must, *(uuid for uuid in uuids if uuid in free)][:size]
        response += field(1, b"".join(field(1, uuid.encode()) for uuid in chosen))
    return response


class Plugin:
    """The five calls, for grpclib."""

    def __init__(self, uuids: Sequence[str]) -> None:
        self._uuids = tuple(uuids)

    async def options(self, stream: _Wire) -> None:
        """That it likes to be asked which devices go well together."""
        await stream.recv_message()
        await stream.send_message(OPTIONS)

    async def list_and_watch(self, stream: _Wire) -> None:
        """All devices, once: they never change, and the call lasts until somebody ends it."""
        await stream.recv_message()
        await stream.send_message(devices(self._uuids))
        await asyncio.Event().wait()

    async def prefer(self, stream: _Wire) -> None:
        """Lowest first."""
        await stream.send_message(preferred(await stream.recv_message() or b"", self._uuids))

    async def allocate(self, stream: _Wire) -> None:
        """Nothing but an environment: there is no device to open."""
        await stream.send_message(allocated(await stream.recv_message() or b""))

    async def pre_start(self, stream: _Wire) -> None:
        """Nothing to do."""
        await stream.recv_message()
        await stream.send_message(b"")

    def __mapping__(self) -> dict[str, Handler]:
        """The calls by name."""
        unary = {
            "GetDevicePluginOptions": self.options,
            "GetPreferredAllocation": self.prefer,
            "Allocate": self.allocate,
            "PreStartContainer": self.pre_start,
        }
        handlers = {
            f"{_SERVICE}/{name}": Handler(call, Cardinality.UNARY_UNARY, bytes, bytes)
            for name, call in unary.items()
        }
        watch = Handler(self.list_and_watch, Cardinality.UNARY_STREAM, bytes, bytes)
        return {**handlers, f"{_SERVICE}/ListAndWatch": watch}
