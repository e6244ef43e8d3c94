"""The kubelet's client against a real gRPC server on a Unix socket."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import requests
import yaml
from grpclib.const import Status

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.deviceid import Device
from agent.devices import Devices
from agent.kubelet import KEEP_SECONDS, Kubelet, grants
from agent.nvml.driver import Driver
from agent.pods import PodNames
from agent.protobuf import field
from agent.sampler import Sampler
from agent.sight import Sight
from agent.unary import RESPONSE_MAX, CallFailed, UnaryChannel
from tests.agent.podresources import LIST, Answering, claimed, devices, pod
from tests.agent.running import address, spawned

UUID = "GPU-5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
VALUES = Path(__file__).parents[2] / "charts/neurox-workload/values.yaml"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Answering]:
    found = Answering(tmp_path / "kubelet.sock", pod("a", devices("nvidia.com/gpu", UUID)))
    yield found
    found.stop()


def test_every_resource_that_gives_a_gpu_is_read() -> None:
    answer = pod(
        "a",
        devices("vendor.example/gpu.shared", f"{UUID}::1", "mlx5_0")
        + devices("rdma/hca", "mlx5_1")
        + claimed("gpu.nvidia.com", "gpu-1", "gpu-0"),
    )
    assert list(grants(answer)) == [
        Grant("vision", "a", "main", "vendor.example/gpu.shared", Device(uuid=UUID, replica=True)),
        Grant("vision", "a", "main", "gpu.nvidia.com", Device(claim="gpu-1/gpu-0")),
    ]


def test_a_restarted_kubelet_is_asked_on_its_new_socket(tmp_path: Path) -> None:
    path = tmp_path / "kubelet.sock"
    client = Kubelet(path)
    first = Answering(path, pod("a", devices("nvidia.com/gpu", UUID)))
    client.poll()
    first.stop()
    client.poll()
    assert not client.up
    assert [one.pod for one in client.grants(time.monotonic())] == ["a"]
    second = Answering(path, pod("b", devices("nvidia.com/gpu", UUID)))
    client.poll()
    assert client.up
    assert [one.pod for one in client.grants(time.monotonic())] == ["b"]
    second.stop()


def test_a_socket_that_was_replaced_is_noticed_though_the_old_connection_is_open(
    tmp_path: Path,
) -> None:
    path = tmp_path / "kubelet.sock"
    client = Kubelet(path)
    first = Answering(path, pod("a", devices("nvidia.com/gpu", UUID)))
    client.poll()
    second = Answering(path, pod("b", devices("nvidia.com/gpu", UUID)))
    client.poll()
    second.stop()
    first.stop()
    assert client.up
    assert [one.pod for one in client.grants(time.monotonic())] == ["b"]
    assert (first.calls, second.calls) == (1, 1)


def test_an_old_answer_is_not_believed_for_ever(server: Answering, tmp_path: Path) -> None:
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    assert len(client.grants(time.monotonic())) == 1
    assert client.grants(time.monotonic() + KEEP_SECONDS + 1) == ()


@pytest.mark.parametrize(("later", "up"), [(0, 1), (KEEP_SECONDS + 1, 0)])
def test_a_kubelet_of_which_nothing_is_believed_is_not_up(
    server: Answering, tmp_path: Path, later: float, up: float
) -> None:
    """As where a poll hangs: then none says that the last one failed."""
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    attribution = Attribution(Sight(tmp_path), PodNames(tmp_path))
    sampler = Sampler(Devices(Driver()), attribution, client)
    sampler.sample(time.monotonic() + later)
    assert sampler.snapshot
    assert sampler.snapshot.agent["neurox_agent_kubelet_up", ()] == up


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_truncated_answer_changes_nothing(server: Answering, tmp_path: Path, cut: int) -> None:
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    server.response = server.response[:-cut]
    client.poll()
    assert not client.up
    assert [one.pod for one in client.grants(time.monotonic())] == ["a"]


def test_a_name_that_is_no_utf_8_changes_nothing(server: Answering, tmp_path: Path) -> None:
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    server.response = field(1, field(1, b"\xff") + field(2, b"team"))
    client.poll()
    assert not client.up
    assert [one.pod for one in client.grants(time.monotonic())] == ["a"]


def test_a_refused_call_says_why_once(
    server: Answering, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.refuse = Status.UNAVAILABLE
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    client.poll()
    assert [record.message for record in caplog.records] == [
        f"pod-resources: {tmp_path}/kubelet.sock: gRPC status 14; next try in 3s"
    ]


def test_an_answer_beyond_the_limit_is_given_up(server: Answering, tmp_path: Path) -> None:
    server.response = bytes(RESPONSE_MAX + 1)
    with pytest.raises(CallFailed, match=f"larger than {RESPONSE_MAX} bytes"):
        UnaryChannel(tmp_path / "kubelet.sock", 60).call(LIST, b"")


def test_more_devices_than_a_node_can_have_change_nothing(
    server: Answering, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client = Kubelet(tmp_path / "kubelet.sock")
    client.poll()
    server.response = pod("b", devices("nvidia.com/gpu", *(f"{UUID}::{n}" for n in range(4097))))
    client.poll()
    assert [one.pod for one in client.grants(time.monotonic())] == ["a"]
    assert caplog.records[-1].message.startswith(
        "pod-resources: containers were given more than 4096 devices, and none is read"
    )


def pods(count: int, device: str) -> bytes:
    ids = (devices("nvidia.com/gpu", f"{device}::{number}") for number in range(count))
    return b"".join(pod(f"train-{number}-abcdefg", one) for number, one in enumerate(ids))


@pytest.mark.parametrize(
    ("answer", "that"),
    [
        pytest.param(pods(4096, UUID), "4096 devices given to containers", id="most devices"),
        pytest.param(pods(60_000, UUID), f"larger than {RESPONSE_MAX} bytes", id="60000 pods"),
        pytest.param(pods(45_000, "mlx5_0"), "0 devices given to containers", id="most bytes"),
    ],
)
def test_however_much_the_kubelet_answers_half_of_the_charts_memory_is_enough(
    library: Path, server: Answering, tmp_path: Path, answer: bytes, that: str
) -> None:
    server.response = answer
    values = yaml.safe_load(VALUES.read_text())
    limit = re.fullmatch(r"(\d+)Mi", values["agent"]["resources"]["limits"]["memory"])
    assert limit is not None
    scenario = f"driver = 580.95.05\n[gpu 0]\nprofile = h200\nuuid = {UUID}\n"
    agent = spawned(library, tmp_path, scenario, POD_RESOURCES=str(tmp_path / "kubelet.sock"))
    try:
        url, said = address(agent)
        deadline = time.monotonic() + 30
        while server.calls < 3:
            assert time.monotonic() < deadline
            page = requests.get(f"{url}/metrics", timeout=5).text
            threading.Event().wait(0.1)
        held = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{agent.pid}/status").read_text())
    finally:
        agent.kill()
        said += agent.communicate(timeout=10)[1]
    assert that in said
    assert page.count("neurox_pod_gpu_allocation_info{") == (4096 if "4096" in that else 0)
    assert held is not None
    assert int(held[1]) < int(limit[1]) * 1024 / 2


def test_a_slow_answer_is_given_up_in_time(server: Answering, tmp_path: Path) -> None:
    server.hold.clear()
    channel = UnaryChannel(tmp_path / "kubelet.sock", 0.2)
    began = time.monotonic()
    with pytest.raises(CallFailed, match="timed out"):
        channel.call(LIST, b"")
    assert time.monotonic() - began < 2
    server.release()
    assert channel.call(LIST, b"") == server.response


SETTINGS, UNKNOWN = (b"\0\0\0" + kind + b"\0\0\0\0\0" for kind in (b"\x04", b"\x7f"))
PING = b"\0\0\x08\x06\0\0\0\0\0" + b"answers!"
"""Frames of HTTP/2."""


@pytest.mark.parametrize("frame", [UNKNOWN, PING])
def test_a_kubelet_that_sends_anything_but_its_answer_is_given_up_in_time(
    tmp_path: Path, frame: bytes
) -> None:
    path = tmp_path / "kubelet.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def flood() -> None:
        ends = time.monotonic() + 10
        with suppress(OSError), listener.accept()[0] as link:
            link.sendall(SETTINGS)
            while time.monotonic() < ends:
                link.sendall(frame * 100)

    flooding = threading.Thread(target=flood)
    flooding.start()
    began = time.monotonic()
    with pytest.raises(CallFailed, match="timed out"):
        UnaryChannel(path, 0.5).call(LIST, b"")
    assert time.monotonic() - began < 3
    listener.close()
    flooding.join(10)
    assert not flooding.is_alive()
