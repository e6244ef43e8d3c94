"""The real agent tells of a simulated node what the simulator made it do."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from infra.local.simulator.allocation import allocate
from infra.local.simulator.layout import NodeFolder
from infra.local.simulator.model import models
from infra.local.simulator.objects import Node, Pod
from infra.local.simulator.process import processes
from infra.local.simulator.scenario import gpu_uuid
from infra.local.simulator.simulator import Simulator
from tests.agent.running import Agent, address, started

MODELS = models()
NODES = {"gpu-1": Node("gpu-1", "NVIDIA-H200", 4)}
MEMORY = "pod_gpu_memory_used_bytes"
Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def pod(name: str, load: float, **more: object) -> Pod:
    made = "2026-01-01T00:00:00Z"
    uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, name))
    return Pod(uid, "vision", name, "gpu-1", "Running", made, (("main", 1),), load, **more)  # type: ignore[arg-type]


SM_ACTIVE = "gpu_sm_active_ratio"
PODS = {
    one.uid: one for one in (pod("busy", 1.0, clock_event="power_cap", xid=31), pod("idle", 0.0))
}


@pytest.fixture
def agent(library: Path, tmp_path: Path) -> Iterator[Agent]:
    (NodeFolder(tmp_path / "gpu-1").proc).mkdir(parents=True)
    process = started(NodeFolder(tmp_path / "gpu-1").agent_env(library))
    yield process
    process.terminate()
    process.wait(20)


def scraped(url: str) -> Series:
    text = requests.get(f"{url}/metrics", timeout=5).text
    return {
        (sample.name, frozenset(sample.labels.items() - {("node", "gpu-1")})): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(series: Series, name: str, **labels: str) -> list[float]:
    wanted = set(labels.items())
    return [v for (n, found), v in series.items() if n == f"neurox_{name}" and wanted <= found]


def ran(folder: Path, steps: Callable[[Simulator], Awaitable[None]]) -> None:
    async def run() -> None:
        simulator = Simulator(folder, MODELS)
        try:
            await asyncio.wait_for(steps(simulator), 60)
        finally:
            await simulator.close()

    asyncio.run(run())


async def until(url: str, true: Callable[[Series], object]) -> Series:
    """The first scrape of which it is true."""
    while not true(found := await asyncio.to_thread(scraped, url)):
        await asyncio.sleep(0.2)
    return found


def test_the_agent_tells_what_the_pods_do(agent: Agent, tmp_path: Path) -> None:
    running = processes(PODS.values(), allocate(PODS.values(), {"gpu-1": 4}, {}))
    memory = MODELS["NVIDIA-H200"].memory_bytes
    name = {one.uid: one.name for one in PODS.values()}
    truth = {name[one.pod_uid]: int(memory * one.memory) for one in running}
    place = {name[one.pod_uid]: gpu_uuid(tmp_path, "gpu-1", one.gpu) for one in running}

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, PODS)
        url, _ = await asyncio.to_thread(address, agent)
        told = await until(url, lambda s: sum(map(bool, of(s, MEMORY))) == 2)
        for pod, gpu in place.items():
            assert of(told, MEMORY, pod=pod, uuid=gpu) == [truth[pod]]
            assert of(told, "gpu_memory_used_bytes", uuid=gpu) == [truth[pod]]
        assert of(told, "gpu_utilization_ratio", uuid=place["busy"]) == [1.0]
        assert of(told, "gpu_utilization_ratio", uuid=place["idle"]) == [0.0]
        assert len(of(told, "pod_gpu_allocation_info")) == 2
        later = await until(url, lambda s: sum(of(s, "pod_gpu_busy_seconds_total")) > 2)
        assert of(later, "pod_gpu_busy_seconds_total", pod="idle") in ([0.0], [])
        [busy] = of(later, "pod_gpu_busy_seconds_total", pod="busy")
        [device] = of(later, "gpu_busy_seconds_total", uuid=place["busy"])
        [rest] = of(later, "gpu_unattributed_busy_seconds_total", uuid=place["busy"])
        assert busy + rest == pytest.approx(device, rel=1e-6)
        [watts] = of(later, "gpu_power_watts", uuid=place["busy"])
        assert watts > 3 * of(later, "gpu_power_watts", uuid=place["idle"])[0]
        await simulator.write(NODES, {})
        ended = await until(url, lambda s: not any(of(s, MEMORY)))
        assert of(ended, "gpu_memory_used_bytes") == [0.0] * 4

    ran(tmp_path, steps)


def test_the_agent_tells_what_befell_a_gpu_and_how_much_of_it_worked(
    agent: Agent, tmp_path: Path
) -> None:
    running = processes(PODS.values(), allocate(PODS.values(), {"gpu-1": 4}, {}))
    place = {bool(one.load): gpu_uuid(tmp_path, "gpu-1", one.gpu) for one in running}
    busy, idle = place[True], place[False]

    async def steps(simulator: Simulator) -> None:
        await simulator.write(NODES, PODS)
        url, _ = await asyncio.to_thread(address, agent)
        told = await until(url, lambda s: of(s, SM_ACTIVE, uuid=busy) == [pytest.approx(0.88)])
        assert of(told, SM_ACTIVE, uuid=idle) == [0.0]
        assert of(told, "gpu_clock_event_active", reason="power_cap", uuid=busy) == [1.0]
        assert of(told, "gpu_clock_event_active", reason="power_cap", uuid=idle) == [0.0]
        seen = await until(url, lambda s: of(s, "gpu_xid_errors_total"))
        assert of(seen, "gpu_xid_errors_total") == [1.0]
        assert of(seen, "gpu_xid_info", xid="31", cause="application", uuid=busy) == [1.0]

    ran(tmp_path, steps)
