"""The scenario follows what a kubelet and a process tree say."""

import asyncio
from pathlib import Path

import pytest

from agent.simulated.node.scenario import gpu_uuids
from agent.simulated.node.settings import Settings
from agent.simulated.node.writer import ScenarioWriter
from agent.simulated.profile import PROFILES
from infra.local.simulator.allocation import Grant
from infra.local.simulator.objects import Pod
from infra.local.simulator.podresources import PodResources, encode

UID = "8b0ad4a5-5b3c-4f0e-9d7a-6d1f0a2b3c4d"
UUIDS = gpu_uuids("east", "a", 2)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "pods" / f"vision_train_{UID}").mkdir(parents=True)
    process = tmp_path / "proc" / "71"
    process.mkdir(parents=True)
    (process / "cgroup").write_text(f"0::/kubepods/besteffort/pod{UID}/abc\n")
    (process / "comm").write_text("python3\n")
    return Settings(
        cluster="east",
        node="a",
        gpus=2,
        model=PROFILES["t4"],
        scenario=tmp_path / "scenario",
        device_plugins=tmp_path,
        pod_resources=tmp_path / "kubelet.sock",
        pod_logs=tmp_path / "pods",
        proc=tmp_path / "proc",
    )


def processes(settings: Settings) -> list[str]:
    lines = settings.scenario.read_text().splitlines()
    return [line for line in lines if line.startswith(("[gpu", "process = 71 "))]


def test_a_process_is_there_from_the_pods_start_to_its_end(settings: Settings) -> None:
    pod = Pod(UID, "vision", "train", "a", "Running", "", (("main", 1),))
    held = encode([pod], {UID: Grant("a", (("main", (1,)),))}, UUIDS)

    async def life() -> list[list[str]]:
        server, seen = PodResources(), []
        await server.start(settings.pod_resources)
        for response in (b"", held, b""):
            server.response = response
            await asyncio.to_thread(writer.step)
            seen.append(processes(settings))
        await server.stop()
        return seen

    writer = ScenarioWriter(settings)
    before, during, after = asyncio.run(life())
    assert before == after == ["[gpu 0]", "[gpu 1]"]
    assert during[:2] == before
    assert len(during) == 3


def test_all_gpus_are_there_before_the_kubelet_answers(settings: Settings) -> None:
    writer = ScenarioWriter(settings)
    writer.write_idle()
    assert [uuid in settings.scenario.read_text() for uuid in UUIDS] == [True, True]
    written = settings.scenario.stat().st_ino
    writer.step()
    assert settings.scenario.stat().st_ino == written, "nothing changed, nothing is written"
