from pathlib import Path

from agent.simulated.node.scenario import gpu_uuids, load_of, text
from agent.simulated.node.use import Use
from agent.simulated.profile import PROFILES
from tests.agent.driven import python

H200 = PROFILES["h200"]
READ = """
import pynvml as n
n.nvmlInit()
for index in range(n.nvmlDeviceGetCount()):
    gpu = n.nvmlDeviceGetHandleByIndex(index)
    pids = [(p.pid, p.usedGpuMemory) for p in n.nvmlDeviceGetComputeRunningProcesses_v3(gpu)]
    print(n.nvmlDeviceGetUUID(gpu), n.nvmlDeviceGetUtilizationRates(gpu).gpu > 0, pids)
"""


def test_uuids_are_those_of_the_node_and_its_indexes() -> None:
    assert gpu_uuids("east", "a", 2) == gpu_uuids("east", "a", 3)[:2]
    assert len({*gpu_uuids("east", "a", 16), *gpu_uuids("east", "b", 16)}) == 32


def test_two_clusters_with_a_node_of_one_name_share_no_uuid() -> None:
    assert not {*gpu_uuids("east", "a", 16)} & {*gpu_uuids("west", "a", 16)}


def test_the_driver_shows_a_working_process_an_idle_one_and_a_free_gpu(
    library: Path, tmp_path: Path
) -> None:
    uuids = gpu_uuids("east", "a", 3)
    uses = [Use(uuids[0], ("v", "train"), 41), Use(uuids[1], ("v", "idle-shell"), 42)]
    done = python(library, tmp_path, text(H200, uuids, uses), READ)
    assert done.stderr == ""
    busy, idle, free = done.stdout.splitlines()
    assert busy.startswith(f"{uuids[0]} True [(41, ")
    assert idle == f"{uuids[1]} False [(42, {int(H200.memory_bytes * 0.1)})]"
    assert free == f"{uuids[2]} False []"


def test_a_pod_does_the_same_each_time_and_on_each_of_its_gpus() -> None:
    uses = [Use(uuid, ("v", "train"), pid) for pid, uuid in enumerate(gpu_uuids("east", "a", 4), 1)]
    (load,) = {load_of(use) for use in uses}
    assert 0.35 <= load <= 0.85
    assert load != load_of(Use("u", ("w", "train"), 1))


def test_pods_that_share_a_gpu_fit_on_it_together(library: Path, tmp_path: Path) -> None:
    (uuid,) = gpu_uuids("east", "a", 1)
    uses = [Use(uuid, ("v", f"train-{pid}"), pid) for pid in range(1, 9)]
    done = python(library, tmp_path, text(H200, [uuid], uses), READ)
    assert done.stderr == ""
    assert done.stdout.count("(") == 8
