"""The plugin against a kubelet's registration service, on a real socket that is replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpclib.client import Channel, UnaryStreamMethod
from grpclib.const import Cardinality, Handler
from grpclib.server import Server, Stream

from agent.protobuf import field, fields
from agent.simulated.node.plugin import Plugin, Raw, devices
from agent.simulated.node.registration import REGISTER, Registration
from agent.unary import UnaryChannel

UUIDS = [f"GPU-5e0b9a4e-9a8e-5b0e-9d0c-{index:012d}" for index in range(3)]
WATCH = "/v1beta1.DevicePlugin/ListAndWatch"


class Kubelet:
    """What of a kubelet a device plugin meets: empties the folder, and calls back at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requests: list[dict[int, bytes]] = []
        self.told: list[bytes] = []

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """A kubelet from its start to its death, which leaves the socket behind."""
        for path in self.folder.iterdir():
            path.unlink()
        server = Server([self], codec=Raw())
        await server.start(path=str(self.folder / "kubelet.sock"))
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    async def _register(self, stream: "Stream[bytes, bytes]") -> None:
        request = dict(fields(await stream.recv_message() or b""))
        channel = Channel(path=str(self.folder / request[2].decode()), codec=Raw())
        async with UnaryStreamMethod(channel, WATCH, bytes, bytes).open() as watch:
            await watch.send_message(b"", end=True)
            self.told.append(await watch.recv_message() or b"")
            await watch.cancel()
        channel.close()
        self.requests.append(request)
        await stream.send_message(b"")

    def __mapping__(self) -> dict[str, Handler]:
        return {REGISTER: Handler(self._register, Cardinality.UNARY_UNARY, bytes, bytes)}


@pytest.fixture
def kubelet(tmp_path: Path) -> Kubelet:
    return Kubelet(tmp_path)


@pytest.fixture
def registration(tmp_path: Path) -> Registration:
    return Registration(tmp_path, Plugin(UUIDS))


def test_the_kubelet_learns_of_all_gpus_once(kubelet: Kubelet, registration: Registration) -> None:
    async def life() -> None:
        async with kubelet.running():
            await registration.step()
            await registration.step()
            await registration.close()

    asyncio.run(life())
    (request,) = kubelet.requests
    assert (request[1], request[3]) == (b"v1beta1", b"nvidia.com/gpu")
    assert kubelet.told == [devices(UUIDS)]
    assert [dict(fields(device))[1].decode() for _, device in fields(kubelet.told[0])] == UUIDS
    assert not (kubelet.folder / "neurox-simulated.sock").exists()


def test_a_kubelet_that_starts_again_learns_of_them_again(
    kubelet: Kubelet, registration: Registration
) -> None:
    async def lives() -> None:
        await registration.step()  # before there is any
        for _ in range(2):
            async with kubelet.running():
                await registration.step()
        await registration.close()

    asyncio.run(lives())
    assert kubelet.told == [devices(UUIDS)] * 2


def test_a_kubelet_that_does_not_answer_is_asked_again(
    kubelet: Kubelet, registration: Registration, caplog: pytest.LogCaptureFixture
) -> None:
    async def lives() -> None:
        async with kubelet.running():
            pass
        for _ in range(2):
            await registration.step()
        async with kubelet.running():
            await registration.step()
        await registration.close()

    asyncio.run(lives())
    assert len(kubelet.requests) == 1
    assert len([x for x in caplog.records if x.levelname == "WARNING"]) == 1


def test_a_folder_that_it_may_not_write_to_is_told_once(
    kubelet: Kubelet, registration: Registration, caplog: pytest.LogCaptureFixture
) -> None:
    async def lives() -> None:
        async with kubelet.running():
            # In the way of the socket, for a test may run as root, whom no mode stops.
            (kubelet.folder / "neurox-simulated.sock").mkdir()
            for _ in range(2):
                await registration.step()
            (kubelet.folder / "neurox-simulated.sock").rmdir()
            await registration.step()
            await registration.close()

    asyncio.run(lives())
    assert len(kubelet.requests) == 1
    (told,) = [x.getMessage() for x in caplog.records if x.levelname == "WARNING"]
    assert "neurox-simulated.sock" in told


@pytest.mark.parametrize(
    ("call", "request_", "answer"),
    [
        ("GetDevicePluginOptions", b"", b"\x10\x01"),
        ("PreStartContainer", b"", b""),
        (
            "Allocate",
            field(1, field(1, UUIDS[2].encode()) + field(1, UUIDS[0].encode())),
            field(
                1,
                field(
                    1,
                    field(1, b"NVIDIA_VISIBLE_DEVICES")
                    + field(2, f"{UUIDS[2]},{UUIDS[0]}".encode()),
                ),
            ),
        ),
        (
            "GetPreferredAllocation",
            field(
                1,
                b"".join(field(1, uuid.encode()) for uuid in reversed(UUIDS))
                + field(2, UUIDS[1].encode())
                + b"\x18\x02",
            ),
            field(1, field(1, UUIDS[1].encode()) + field(1, UUIDS[0].encode())),
        ),
    ],
    ids=["options", "pre-start", "allocate", "prefer"],
)
def test_a_call_of_the_kubelets_is_answered(
    kubelet: Kubelet, registration: Registration, call: str, request_: bytes, answer: bytes
) -> None:
    async def ask() -> bytes:
        async with kubelet.running():
            await registration.step()
            channel = UnaryChannel(kubelet.folder / "neurox-simulated.sock", 5)
            said = await asyncio.to_thread(channel.call, f"/v1beta1.DevicePlugin/{call}", request_)
            channel.close()
            await registration.close()
        return said

    assert asyncio.run(ask()) == answer
