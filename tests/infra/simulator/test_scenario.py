import json
from pathlib import Path
from typing import Any

import pytest

from infra.local.simulator.allocation import allocate
from infra.local.simulator.model import models, of_product
from infra.local.simulator.objects import Pod
from infra.local.simulator.process import processes
from infra.local.simulator.scenario import gpu_uuid, text
from tests.agent.driven import python

MODELS = models()
READ = """
import json, pynvml as n
n.nvmlInit()
found = []
for index in range(n.nvmlDeviceGetCount()):
    gpu = n.nvmlDeviceGetHandleByIndex(index)
    memory = n.nvmlDeviceGetMemoryInfo(gpu, version=n.nvmlMemory_v2)
    found.append({
        "uuid": n.nvmlDeviceGetUUID(gpu), "model": n.nvmlDeviceGetName(gpu),
        "busy": n.nvmlDeviceGetUtilizationRates(gpu).gpu, "used": memory.used,
        "watts": n.nvmlDeviceGetPowerUsage(gpu) / 1000,
        "celsius": n.nvmlDeviceGetTemperatureV(gpu, 0),
        "pids": [p.pid for p in n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)],
    })
print(json.dumps(found))
"""


def read(library: Path, folder: Path, scenario: str) -> list[dict[str, Any]]:
    """What the driver makes of a scenario; a word on stderr is a failure."""
    done = python(library, folder, scenario, READ)
    assert done.stderr == ""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("wanted", [0.0, 0.5, 0.97, 1.0, None])
def test_the_driver_answers_what_the_pods_do(
    library: Path, tmp_path: Path, wanted: float | None
) -> None:
    pods = [Pod("u", "vision", "train", "gpu-1", "Running", "", (("c", 2),), wanted)]
    running = processes(pods, allocate(pods, {"gpu-1": 4}, {}))
    uuids = [gpu_uuid(tmp_path, "gpu-1", index) for index in range(4)]
    found = read(library, tmp_path, text(MODELS["NVIDIA-H200"], uuids, running))
    assert [gpu["uuid"] for gpu in found] == uuids
    assert {gpu["model"] for gpu in found} == {"NVIDIA H200"}
    assert [len(gpu["pids"]) for gpu in found] == [1, 1, 0, 0]
    assert [gpu["busy"] for gpu in found[2:]] == [0, 0]
    assert all(70 < gpu["watts"] < 90 for gpu in found[2:])
    assert all(gpu["used"] > 0 for gpu in found[:2])
    assert all(25 <= gpu["celsius"] < 90 and gpu["watts"] <= 700 for gpu in found)
    if wanted is not None:
        assert all(abs(gpu["busy"] / 100 - wanted) <= 0.13 for gpu in found[:2])


def test_uuids_are_stable_and_differ_by_cluster_node_and_index() -> None:
    places = [("/a", "gpu-1", 0), ("/a", "gpu-1", 1), ("/a", "gpu-2", 0), ("/b", "gpu-1", 0)]
    uuids = [gpu_uuid(Path(folder), node, index) for folder, node, index in places]
    assert len(set(uuids)) == 4
    assert uuids[0] == gpu_uuid(Path("/a"), "gpu-1", 0)


def test_an_unknown_model_keeps_its_name(library: Path, tmp_path: Path) -> None:
    model = of_product(MODELS, "ACME-9000")
    found = read(library, tmp_path, text(model, [gpu_uuid(tmp_path, "gpu-1", 0)], []))
    assert found[0]["model"] == "ACME 9000"
