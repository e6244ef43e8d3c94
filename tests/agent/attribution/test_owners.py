"""Whose a process is."""

import os
import shutil
from pathlib import Path

import pytest

from agent.catalogue import BUSY_SECONDS
from agent.consumption import (
    POD_BUSY,
    POD_MEMORY,
    POD_PROCESSES,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_MEMORY,
    UNATTRIBUTED_PROCESSES,
)
from agent.deviceid import Device
from agent.pods import PodNames
from agent.snapshot import Gpu, GpuUse, Identity, Process
from tests.agent.attribution.one_gpu import (
    OTHER,
    SERVE,
    TRAIN,
    TWO,
    UID,
    Node,
    gpu,
    grant,
    of,
    put_process,
    rest,
)


def test_a_process_is_its_pods_by_cgroup_and_folder_name(node: Node) -> None:
    usage = node.passed(gpu(used=100), (Process(7, 60), Process(9, 30)))
    assert of(usage, TRAIN, POD_MEMORY) == 60
    assert of(usage, TRAIN, POD_PROCESSES) == 1
    assert rest(usage, UNATTRIBUTED_MEMORY) == 40
    assert rest(usage, UNATTRIBUTED_PROCESSES) == 1
    assert usage.unresolved_pids == 0


def test_a_reused_pid_does_not_inherit_the_pod(node: Node) -> None:
    assert of(node.passed(gpu(used=60), (Process(7, 60),)), TRAIN, POD_MEMORY) == 60
    put_process(node.proc, 7, "/system.slice/sshd.service", started=9)
    usage = node.passed(gpu(used=60), (Process(7, 60),))
    assert rest(usage, UNATTRIBUTED_MEMORY) == 60


def test_a_pid_that_is_reused_before_the_next_list_does_not_inherit_either(node: Node) -> None:
    processes = (Process(7, 60), Process(8, 40))
    node.passed(gpu(busy=0.0), processes, TWO, {7: 0.5, 8: 0.5})
    put_process(node.proc, 7, "/system.slice/sshd.service", started=9)
    usage = node.passed(gpu(busy=1.0), processes, TWO, {7: 0.5, 8: 0.5})
    assert of(usage, TRAIN, POD_BUSY) == 0
    assert of(usage, SERVE, POD_BUSY) == rest(usage, UNATTRIBUTED_BUSY) == 0.5


def test_what_a_process_did_last_is_its_pods(node: Node) -> None:
    processes = (Process(7, 60), Process(8, 40))
    node.passed(gpu(busy=0.0), processes, TWO, {7: 0.5, 8: 0.5})
    shutil.rmtree(node.proc / "7")
    usage = node.passed(gpu(busy=1.0), processes, TWO, {7: 0.5, 8: 0.5})
    assert of(usage, TRAIN, POD_BUSY) == 0.5


def test_a_pid_that_is_gone_and_a_pod_without_a_name_are_unresolved(node: Node) -> None:
    (node.logs / f"{'_'.join(TRAIN)}_{UID}").rmdir()
    usage = node.passed(gpu(used=60), (Process(7, 60), Process(999, 1)))
    assert usage.pods == ()
    assert usage.unresolved_pids == 2
    assert rest(usage, UNATTRIBUTED_MEMORY) == 60


def test_a_list_older_than_the_devices_figure_never_exceeds_it(node: Node) -> None:
    usage = node.passed(gpu(used=10), (Process(7, 60), Process(8, 60), Process(9, 60)))
    pods = [of(usage, pod, POD_MEMORY) or 0 for pod in (TRAIN, SERVE)]
    assert pods == [5, 5]
    assert sum(pods) + rest(usage, UNATTRIBUTED_MEMORY) == 10


def test_a_process_is_looked_up_once_and_checked_when_a_new_list_comes(node: Node) -> None:
    processes = (Process(7, 60),)
    node.passed(gpu(used=60), processes)
    shutil.rmtree(node.proc)
    assert of(node.passed(gpu(used=60), processes), TRAIN, POD_MEMORY) == 60
    assert node.passed(gpu(used=60), (Process(7, 60),)).unresolved_pids == 1


def test_a_new_pod_folder_is_noticed(tmp_path: Path) -> None:
    names = PodNames(tmp_path)
    names.refresh()
    assert names.of(UID) is None
    (tmp_path / f"vision_train-0_{UID}").mkdir()
    names.refresh()
    assert names.of(UID) == TRAIN


@pytest.mark.parametrize("newer", [UID, OTHER])
def test_of_two_pods_of_one_name_the_newer_has_it(tmp_path: Path, newer: str) -> None:
    for uid in (UID, OTHER):
        folder = tmp_path / f"vision_train-0_{uid}"
        folder.mkdir()
        os.utime(folder, (2 if uid == newer else 1,) * 2)
    names = PodNames(tmp_path)
    names.refresh()
    assert names.uid(TRAIN) == newer
    assert names.of(UID) == names.of(OTHER) == TRAIN


def test_memory_that_the_driver_does_not_tell_is_no_zero(node: Node) -> None:
    usage = node.passed(gpu(used=100), (Process(7, 60), Process(8, None)))
    assert [of(usage, pod, POD_PROCESSES) for pod in (TRAIN, SERVE)] == [1, 1]
    assert [of(usage, pod, POD_MEMORY) for pod in (TRAIN, SERVE)] == [None, None]
    assert UNATTRIBUTED_MEMORY not in usage.gpus["GPU-1"]


def test_what_works_on_a_second_gpu_is_its_pods_before_that_gpus_next_list(node: Node) -> None:
    def second(busy: float, activity: dict[int, float]) -> GpuUse:
        gpu = Gpu(Identity(1, uuid="GPU-2", minor="1"), True, {BUSY_SECONDS: busy})
        return GpuUse(gpu, (), activity, 1.0)

    first, replica = GpuUse(gpu(), (Process(7, 1),)), Device("GPU-2", replica=True)
    grants = (grant(TRAIN, replica), grant(SERVE, replica))
    node.attribution.usage([first, second(0.0, {})], grants, 0.0)
    usage = node.attribution.usage([first, second(1.0, {7: 0.5, 8: 0.5})], grants, 1.0)
    assert usage.gpus["GPU-2"][UNATTRIBUTED_BUSY] == 0


def test_two_pod_folders_of_the_same_moment_are_both_noticed(tmp_path: Path) -> None:
    names = PodNames(tmp_path)
    (tmp_path / f"vision_train-0_{UID}").mkdir()
    names.refresh()
    then = tmp_path.stat().st_mtime_ns
    (tmp_path / f"vision_serve-0_{OTHER}").mkdir()
    os.utime(tmp_path, ns=(then, then))
    names.refresh()
    assert (names.of(UID), names.of(OTHER)) == (TRAIN, SERVE)


def test_a_pid_that_another_pod_reused_is_its_own_with_the_next_list(node: Node) -> None:
    """Though it holds just as much, and its work was told before the list."""
    seven, eight = Process(7, 60), Process(8, 1)
    listed = (seven, eight)
    node.passed(gpu(busy=0, used=100), listed, TWO, {})
    put_process(node.proc, 7, f"/kubepods/pod{OTHER}/{'ab' * 32}", started=6)
    usage = node.passed(gpu(busy=1, used=100), listed, TWO, {7: 1.0})
    assert of(usage, SERVE, POD_BUSY) == 1
    usage = node.passed(gpu(busy=2, used=100), (seven, eight), TWO, {7: 1.0})
    assert [of(usage, pod, POD_MEMORY) for pod in (TRAIN, SERVE)] == [0, 61]
