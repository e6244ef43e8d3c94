from pathlib import Path

import pytest

from agent.allocations import Grant
from agent.deviceid import Device
from agent.pods import PodNames
from agent.simulated.node.use import Use, first_pids, uses

UID = "8b0ad4a5-5b3c-4f0e-9d7a-6d1f0a2b3c4d"
TRAIN = ("vision", "train")


def held(uuid: str, pod: str = "train") -> Grant:
    return Grant("vision", pod, "main", "nvidia.com/gpu", Device(uuid))


@pytest.fixture
def names(tmp_path: Path) -> PodNames:
    logs = tmp_path / "pods"
    (logs / f"vision_train_{UID}").mkdir(parents=True)
    names = PodNames(logs)
    names.refresh()
    return names


def process(proc: Path, pid: int, comm: str, uid: str = UID) -> None:
    home = proc / str(pid)
    home.mkdir(parents=True)
    (home / "cgroup").write_text(f"0::/../../besteffort/pod{uid}/{pid:064x}\n")
    (home / "comm").write_text(f"{comm}\n")


def test_a_pod_uses_each_gpu_that_it_holds_by_its_first_process() -> None:
    found = uses([held("b"), held("a"), held("c", "pending")], {TRAIN: 7})
    assert found == [Use("a", TRAIN, 7), Use("b", TRAIN, 7)]


def test_the_first_process_is_not_that_of_the_sandbox(tmp_path: Path, names: PodNames) -> None:
    proc = tmp_path / "proc"
    (proc / "sys").mkdir(parents=True)
    process(proc, 90, "pause")
    process(proc, 100, "python3")
    process(proc, 95, "sh")
    process(proc, 5, "sh", uid=UID.replace("8", "9"))
    (proc / "80").mkdir()  # ended between the list and the read
    assert first_pids(proc, names, {TRAIN}) == {TRAIN: 95}


def test_who_holds_nothing_is_not_looked_for(tmp_path: Path, names: PodNames) -> None:
    process(tmp_path / "proc", 90, "python3")
    assert first_pids(tmp_path / "proc", names, {("vision", "other")}) == {}
    assert first_pids(tmp_path / "absent", names, set()) == {}
