"""The simulator without a cluster: what it writes is what the agent's own client reads."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.consumption import POD_MEMORY
from agent.deviceid import Device
from agent.kubelet import Kubelet
from agent.pods import PodNames
from agent.sight import Sight
from agent.snapshot import Gpu, GpuUse, Identity, Process
from infra.local.simulator.layout import ALLOCATIONS, NodeFolder
from infra.local.simulator.model import models
from infra.local.simulator.objects import Node, Pod
from infra.local.simulator.scenario import gpu_uuid
from infra.local.simulator.simulator import Simulator

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
OTHER = "99999999-9999-9999-9999-999999999999"
MODELS = models()
NODES = {"gpu-1": Node("gpu-1", "NVIDIA-H200", 8)}


def pod(uid: str, name: str, gpus: int, created: str = "") -> Pod:
    return Pod(uid, "vision", name, "gpu-1", "Running", created, (("main", gpus),))


def by_uid(*pods: Pod) -> dict[str, Pod]:
    return {pod.uid: pod for pod in pods}


def simulated(folder: Path, steps: Callable[[Simulator], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        simulator = Simulator(folder, MODELS)
        try:
            await asyncio.wait_for(steps(simulator), 20)
        finally:
            await simulator.close()

    asyncio.run(run())


async def listed(kubelet: Kubelet) -> tuple[Grant, ...]:
    await asyncio.to_thread(kubelet.poll)
    assert kubelet.up
    return kubelet.grants(0.0)


def test_the_agents_client_reads_the_allocations(tmp_path: Path) -> None:
    async def steps(simulator: Simulator) -> None:
        kubelet = Kubelet(NodeFolder(tmp_path / "gpu-1").socket)
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 2)))
        uuids = [gpu_uuid(tmp_path, "gpu-1", index) for index in range(2)]
        assert await listed(kubelet) == tuple(
            Grant("vision", "train-0", "main", "nvidia.com/gpu", Device(uuid)) for uuid in uuids
        )
        await simulator.write(NODES, {})
        assert await listed(kubelet) == ()

    simulated(tmp_path, steps)


def test_the_client_follows_a_replaced_socket(tmp_path: Path) -> None:
    kubelet = Kubelet(NodeFolder(tmp_path / "gpu-1").socket)

    async def first(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 2)))
        assert len(await listed(kubelet)) == 2

    async def second(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 2), pod(OTHER, "more", 1)))
        assert len(await listed(kubelet)) == 3

    simulated(tmp_path, first)
    kubelet.poll()
    assert not kubelet.up
    assert len(kubelet.grants(0.0)) == 2
    assert kubelet.grants(1e12) == ()
    simulated(tmp_path, second)


def test_a_huge_answer_arrives_whole(tmp_path: Path) -> None:
    nodes = {"gpu-1": Node("gpu-1", "NVIDIA-H200", 4000)}
    pods = by_uid(*(pod(f"{number:08}{UID[8:]}", f"p{number}", 4) for number in range(1000)))

    async def steps(simulator: Simulator) -> None:
        await simulator.write({}, {})
        kubelet = Kubelet(NodeFolder(tmp_path / "gpu-1").socket)
        await simulator.write(nodes, pods)
        assert len({one.device.uuid for one in await listed(kubelet)}) == 4000

    simulated(tmp_path, steps)


def test_allocations_survive_a_restart(tmp_path: Path) -> None:
    pods = by_uid(pod(UID, "train-0", 2, created="2026-01-02T00:00:00Z"))
    older = pod(OTHER, "late", 2, created="2026-01-01T00:00:00Z")
    given: list[tuple[Grant, ...]] = []

    async def first(simulator: Simulator) -> None:
        await simulator.write(NODES, pods)
        given.append(await listed(Kubelet(NodeFolder(tmp_path / "gpu-1").socket)))

    async def second(simulator: Simulator) -> None:
        await simulator.write(NODES, {**pods, **by_uid(older)})
        now = await listed(Kubelet(NodeFolder(tmp_path / "gpu-1").socket))
        assert {one.device.uuid for one in now if one.pod == "train-0"} == {
            o.device.uuid for o in given[0]
        }

    simulated(tmp_path, first)
    simulated(tmp_path, second)


def test_a_broken_allocations_file_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ALLOCATIONS).write_text('{"u": {"node": 1}}')

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 8)))
        assert len(await listed(Kubelet(NodeFolder(tmp_path / "gpu-1").socket))) == 8

    simulated(tmp_path, steps)


def test_every_listed_process_leads_to_its_pod(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "gpu-1")

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 2)))

    simulated(tmp_path, steps)
    lines = [x for x in folder.scenario.read_text().splitlines() if x.startswith("process = ")]
    pids = [int(line.split()[2]) for line in lines]
    gpu = Gpu(Identity(0, uuid="GPU-x"), up=True)
    use = GpuUse(gpu, tuple(Process(pid, 10) for pid in pids))
    usage = Attribution(Sight(folder.proc), PodNames(folder.pod_logs)).usage([use], (), 0.0)
    assert [(one.pod, one.values[POD_MEMORY]) for one in usage.pods] == [("train-0", 20)]
    assert usage.unresolved_pids == 0


def test_what_ended_leaves_no_process_behind(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "gpu-1")

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 2)))
        await simulator.write(NODES, {})

    simulated(tmp_path, steps)
    assert list(folder.proc.iterdir()) == []
    assert list(folder.pod_logs.iterdir()) == []
    assert "process" not in folder.scenario.read_text()


def test_a_node_that_is_gone_takes_its_folder_along(tmp_path: Path) -> None:
    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, {})
        await simulator.write({}, {})

    simulated(tmp_path, steps)
    assert not (tmp_path / "gpu-1").exists()


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, by_uid(pod(UID, "train-0", 1)))
        assert len(await listed(Kubelet(NodeFolder(folder / "gpu-1").socket))) == 1

    simulated(folder, steps)
