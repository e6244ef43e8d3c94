from dataclasses import replace

from agent.cgroup import pod_uid
from infra.local.simulator.allocation import allocate
from infra.local.simulator.objects import Pod
from infra.local.simulator.process import load, processes

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"


def pod(phase: str = "Running", name: str = "train-0", wanted: float | None = None) -> Pod:
    return Pod(UID, "vision", name, "gpu-1", phase, "", (("main", 3),), wanted)


def test_a_running_pod_has_one_process_on_each_gpu() -> None:
    found = processes([pod()], allocate([pod()], {"gpu-1": 8}, {}))
    assert sorted(process.gpu for process in found) == [0, 1, 2]
    assert len({process.pid for process in found}) == 3
    assert {pod_uid(process.cgroup) for process in found} == {UID}


def test_a_pod_that_starts_has_none() -> None:
    assert processes([pod("Pending")], allocate([pod("Pending")], {"gpu-1": 8}, {})) == []


def test_pids_are_the_same_after_a_restart() -> None:
    grants = allocate([pod()], {"gpu-1": 8}, {})
    assert processes([pod()], grants) == processes([pod()], grants)


def test_the_start_time_stands_in_field_22_of_stat() -> None:
    process = processes([pod()], allocate([pod()], {"gpu-1": 8}, {}))[0]
    assert int(process.stat.split()[21]) > 0


def test_the_annotation_decides_the_load() -> None:
    assert load(pod(wanted=0.0)) == 0
    assert load(pod(wanted=0.9)) == 0.9


def test_trouble_meets_the_first_gpu_of_a_pod_alone() -> None:
    troubled = replace(pod(), clock_event="thermal", xid=31, created="2026-01-01T00:00:00Z")
    found = processes([troubled], allocate([troubled], {"gpu-1": 8}, {}))
    by_gpu = sorted((p.gpu, p.clock_event, p.xid) for p in found)
    assert by_gpu == [(0, "thermal", 31), (1, "", 0), (2, "", 0)]
    assert {process.started for process in found} == {1_767_225_600}


def test_without_an_annotation_loads_vary_and_some_pods_idle() -> None:
    loads = [load(pod(name=f"job-{number}")) for number in range(500)]
    busy = [each for each in loads if each]
    assert 0.35 <= min(busy) < 0.45
    assert 0.9 < max(busy) <= 0.97
    assert 20 < len(loads) - len(busy) < 120
