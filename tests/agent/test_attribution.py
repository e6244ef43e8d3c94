import itertools
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.catalogue import BUSY_SECONDS, ENERGY, MEMORY_USED, POWER, Series
from agent.consumption import (
    ENDED_BUSY,
    ENDED_ENERGY,
    POD_BUSY,
    POD_ENERGY,
    POD_MEMORY,
    POD_PROCESSES,
    POD_SM,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_ENERGY,
    UNATTRIBUTED_MEMORY,
    UNATTRIBUTED_PROCESSES,
)
from agent.deviceid import Device
from agent.pods import NodePod, PodNames
from agent.snapshot import Allocation, Gpu, GpuUse, Identity, MigDevice, MigInstance, Process, Usage

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
OTHER = "99999999-9999-4999-9999-999999999999"
TRAIN, SERVE = ("vision", "train-0"), ("vision", "serve-0")
VISIBLE: Series = ("neurox_agent_processes_visible", ())


def gpu(**values: float) -> Gpu:
    names = {"used": MEMORY_USED, "busy": BUSY_SECONDS, "joules": ENERGY, "watts": POWER}
    return Gpu(Identity(0, uuid="GPU-1", minor="0"), True, {names[k]: v for k, v in values.items()})


def put_process(proc: Path, pid: int, cgroup: str, started: int = 5, name: str = "a ) b") -> None:
    (proc / str(pid)).mkdir(parents=True, exist_ok=True)
    (proc / str(pid) / "cgroup").write_text(f"0::{cgroup}\n")
    zeros = " ".join("0" * 17)
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) S 1 {zeros} {started} 0\n")


WHOLE, REPLICA = Device("GPU-1"), Device("GPU-1", replica=True)


def grant(pod: tuple[str, str], device: Device = WHOLE) -> Grant:
    return Grant(*pod, "main", "nvidia.com/gpu", device)


TWO = (grant(TRAIN, REPLICA), grant(SERVE, REPLICA))


class Node:
    """One GPU's node: 7 is train's process, 8 is serve's, 9 is the host's."""

    def __init__(self, folder: Path, hidden: bool = False) -> None:
        self.proc, self.logs = folder / "proc", folder / "pods"
        put_process(self.proc, 7, f"/kubepods/pod{UID}/{'ab' * 32}")
        put_process(self.proc, 8, f"/kubepods/pod{OTHER}/{'ab' * 32}")
        put_process(self.proc, 9, "/system.slice/sshd.service")
        for uid, (namespace, name) in ((UID, TRAIN), (OTHER, SERVE)):
            (self.logs / f"{namespace}_{name}_{uid}").mkdir(parents=True)
        names = PodNames(self.logs)
        self.attribution = Attribution(None if hidden else self.proc, names)
        self._seconds = itertools.count()

    def passed(
        self,
        gpu: Gpu,
        processes: tuple[Process, ...] | None = (),
        grants: tuple[Grant, ...] = (),
        activity: Mapping[int, float] | None = None,
        utilization: float | None = None,
    ) -> Usage:
        use = GpuUse(gpu, processes, activity, utilization)
        return self.attribution.usage([use], grants, float(next(self._seconds)))


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def of(usage: Usage, pod: tuple[str, str], series: Series) -> float | None:
    found = [use for use in usage.pods if (use.namespace, use.pod) == pod]
    return found[0].values.get(series) if found else None


def rest(usage: Usage, series: Series) -> float:
    return usage.gpus["GPU-1"][series]


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


def test_a_gpu_is_named_as_its_driver_writes_it(node: Node) -> None:
    granted = (grant(TRAIN, Device("gpu-1")),)
    usage = node.passed(gpu(), grants=granted)
    assert [one.uuid for one in usage.allocations] == ["GPU-1"]


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


def test_an_exclusive_gpu_is_all_its_pods_without_any_process(node: Node) -> None:
    node.passed(gpu(busy=100, joules=5000), grants=(grant(TRAIN),))
    assert not node.attribution.wants_activity("GPU-1")
    usage = node.passed(gpu(busy=100.5, joules=5300), grants=(grant(TRAIN),))
    assert of(usage, TRAIN, POD_BUSY) == 0.5
    assert of(usage, TRAIN, POD_ENERGY["exclusive"]) == 300
    assert rest(usage, UNATTRIBUTED_BUSY) == 100  # before the agent came
    assert rest(usage, UNATTRIBUTED_ENERGY) == 5000
    assert [one.mode for one in usage.allocations] == ["exclusive"]
    assert usage.allocations[0].pod_uid == UID


def test_a_shared_gpu_is_split_by_activity_and_nobody_pays_for_its_idle_power(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0, joules=0, watts=100), processes, TWO)
    assert node.attribution.wants_activity("GPU-1")
    node.passed(gpu(busy=0, joules=100, watts=100), processes, TWO, {})
    usage = node.passed(gpu(busy=0.8, joules=500, watts=400), processes, TWO, {7: 0.6, 8: 0.2})
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(0.6, abs=1e-5)
    assert of(usage, SERVE, POD_BUSY) == pytest.approx(0.2, abs=1e-5)
    assert of(usage, TRAIN, POD_ENERGY["sm_share"]) == pytest.approx(225, abs=1e-5)
    assert rest(usage, UNATTRIBUTED_ENERGY) == pytest.approx(200, abs=1e-5)
    assert {one.mode for one in usage.allocations} == {"timeslice"}


@pytest.mark.parametrize("activity", [{7: 1.0, 8: 1.0}, {7: 0.25, 8: 0.25, 9: 57.0}])
def test_more_activity_than_the_device_had_is_scaled_down(
    node: Node, activity: dict[int, float]
) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes, TWO)
    usage = node.passed(gpu(busy=0.5), processes, TWO, activity)
    assert of(usage, TRAIN, POD_BUSY) == of(usage, SERVE, POD_BUSY) == 0.25


def test_a_pass_without_a_new_sample_of_the_driver_is_not_idle(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    work = ({7: 0.6, 8: 0.2}, 0.8)
    node.passed(gpu(busy=0, joules=0, watts=400), processes, TWO)
    node.passed(gpu(busy=0, joules=400, watts=400), processes, TWO, {}, 0.8)
    usage = node.passed(gpu(busy=1.6, joules=800, watts=400), processes, TWO, *work)
    assert of(usage, TRAIN, POD_ENERGY["sm_share"]) == pytest.approx(300)
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(1.2)
    assert of(usage, TRAIN, POD_SM) == pytest.approx(0.6), "never more than what the samples say"
    assert rest(usage, UNATTRIBUTED_BUSY) == pytest.approx(0, abs=1e-5)


def test_a_pod_on_a_gpu_that_it_was_not_given_is_told(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes, (grant(TRAIN),))
    usage = node.passed(gpu(busy=1), processes, (grant(TRAIN),), {7: 0.5, 8: 0.5})
    assert of(usage, SERVE, POD_BUSY) == 0.5
    none = Allocation("GPU-1", *SERVE, "", "", "none", pod_uid=OTHER)
    assert usage.allocations[1] == none


def test_mps_clients_are_told_apart_by_their_memory(node: Node) -> None:
    put_process(node.proc, 9, "/system.slice/mps.service", name="nvidia-cuda-mps")
    processes = (Process(9, 30), Process(7, 300, "mps"), Process(8, 100, "mps"))
    node.passed(gpu(busy=0, joules=0), processes, TWO)
    usage = node.passed(gpu(busy=0.8, joules=400), processes, TWO, {9: 0.8})
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(0.6, abs=1e-5)
    assert of(usage, SERVE, POD_ENERGY["mps_estimate"]) == pytest.approx(100, abs=1e-5)
    assert {one.mode for one in usage.allocations} == {"mps"}


def mig(active: tuple[float | None, float | None], **values: float) -> Gpu:
    one, two = (
        MigInstance(
            gi=gi,
            slices=slices,
            devices=(MigDevice(f"MIG-{gi}", gi, 0, f"{slices}g"),),
            values={} if a is None else {("neurox_mig_sm_active_ratio", ()): a},
        )
        for gi, slices, a in ((1, 3, active[0]), (2, 1, active[1]))
    )
    return Gpu(gpu().identity, True, gpu(**values).values, (one, two))


MIGS = (grant(TRAIN, Device(mig_uuid="MIG-1")), grant(SERVE, Device(minor="0", gi=2)))


def test_mig_instances_are_told_apart_by_their_activity(node: Node) -> None:
    node.passed(mig((0.0, 0.0), joules=0), None, MIGS)
    usage = node.passed(mig((0.5, 0.5), joules=80), None, MIGS)
    assert of(usage, TRAIN, POD_ENERGY["mig_activity"]) == pytest.approx(60, abs=1e-5)
    assert of(usage, SERVE, POD_ENERGY["mig_activity"]) == pytest.approx(20, abs=1e-5)
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(3 / 7 / 2, abs=1e-5)
    assert [(one.mig_uuid, one.mode) for one in usage.allocations] == [
        ("MIG-2", "mig"),
        ("MIG-1", "mig"),
    ]


def test_instances_that_are_busy_when_first_told_are_not_idle(node: Node) -> None:
    node.passed(mig((None, None), joules=0, watts=80), None, MIGS)
    node.passed(mig((0.5, 0.5), joules=80, watts=80), None, MIGS)
    usage = node.passed(mig((0.5, 0.5), joules=160, watts=80), None, MIGS)
    assert of(usage, TRAIN, POD_ENERGY["mig_activity"]) == pytest.approx(120, abs=1e-5)


def test_mig_instances_that_do_not_tell_share_the_energy_by_their_slices(node: Node) -> None:
    node.passed(mig((None, None), joules=0, used=50), (Process(7, 20, gi=1),), MIGS)
    usage = node.passed(mig((None, None), joules=70, used=50), (Process(7, 20, gi=1),), MIGS)
    assert of(usage, TRAIN, POD_ENERGY["mig_slices"]) == pytest.approx(30, abs=1e-5)
    assert of(usage, SERVE, POD_ENERGY["mig_slices"]) == pytest.approx(10, abs=1e-5)
    assert rest(usage, UNATTRIBUTED_ENERGY) == pytest.approx(
        30, abs=1e-5
    )  # three slices lie fallow
    assert of(usage, TRAIN, POD_BUSY) is None
    assert of(usage, TRAIN, POD_MEMORY) == 20


def test_activity_is_asked_for_before_the_first_process_on_a_shared_gpu(node: Node) -> None:
    node.passed(gpu(busy=0), (), TWO)
    assert node.attribution.wants_activity("GPU-1")
    usage = node.passed(gpu(busy=0.5), (), TWO, {7: 0.5})
    assert of(usage, TRAIN, POD_BUSY) == 0.5


def test_processes_of_the_host_alone_need_no_activity(node: Node) -> None:
    node.passed(gpu(busy=0), (Process(9, 1),))
    assert not node.attribution.wants_activity("GPU-1")


def test_claimed_devices_and_what_hami_gave_are_known_by_the_api_server(tmp_path: Path) -> None:
    uuid = f"GPU-{UID}"
    hami = Grant(*TRAIN, "main", "nvidia.com/gpu", Device(f"GPU-{OTHER}", replica=True, hami=True))
    claim = grant(SERVE, Device(claim="gpu-1/gpu-0"))
    other = grant(SERVE, Device(claim="gpu-1/nic-0"))
    pods = {UID: NodePod(UID, *TRAIN, hami=f"{uuid},NVIDIA,4096,25:;")}
    pods[OTHER] = NodePod(OTHER, *SERVE)
    names = PodNames(tmp_path, SimpleNamespace(up=True, items=pods))
    slices = SimpleNamespace(revision=1, refresh=lambda: None, uuid={"gpu-1/gpu-0": uuid}.get)
    attribution = Attribution(tmp_path, names, slices)
    ended = grant(("vision", "ended"))
    usage = attribution.usage([], (hami, claim, other, ended), 0.0)
    assert [(one.uuid, one.pod, one.mode, one.pod_uid) for one in usage.allocations] == [
        (uuid, "serve-0", "dra", OTHER),
        (uuid, "train-0", "timeslice", UID),
    ]


def test_what_an_ended_pod_consumed_stays_out_of_the_unattributed(node: Node) -> None:
    node.passed(gpu(busy=0, joules=0), grants=(grant(TRAIN),))
    node.passed(gpu(busy=1, joules=300), grants=(grant(TRAIN),))
    (node.logs / f"{'_'.join(TRAIN)}_{UID}").rmdir()
    usage = node.passed(gpu(busy=1.25, joules=400))
    assert usage.pods == ()
    assert rest(usage, ENDED_BUSY) == 1
    assert rest(usage, ENDED_ENERGY) == 300
    assert rest(usage, UNATTRIBUTED_BUSY) == 0.25
    assert rest(usage, UNATTRIBUTED_ENERGY) == 100


def test_a_living_pod_between_two_processes_keeps_its_counters(node: Node) -> None:
    node.passed(gpu(busy=0), (Process(7, 1),))
    node.passed(gpu(busy=1), (Process(7, 1),))
    assert of(node.passed(gpu(busy=2)), TRAIN, POD_BUSY) == 1
    assert of(node.passed(gpu(busy=3), (Process(7, 1),)), TRAIN, POD_BUSY) == 2


def test_hidden_processes_leave_exclusive_pods_complete(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        node = Node(tmp_path, hidden=True)
    assert [record.message for record in caplog.records if "agent.hostPID" in record.message]
    node.passed(gpu(busy=0, used=9), None, (grant(TRAIN),))
    usage = node.passed(gpu(busy=1, used=9), None, (grant(TRAIN),))
    assert of(usage, TRAIN, POD_BUSY) == 1
    assert of(usage, TRAIN, POD_MEMORY) is None
    assert usage.gpus["GPU-1"].keys() == {UNATTRIBUTED_BUSY, ENDED_BUSY}
    assert usage.agent[VISIBLE] == 0
    assert [one.pod for one in usage.allocations] == ["train-0"]


def test_activity_that_was_not_told_is_no_zero(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes, TWO)
    node.passed(gpu(busy=0.5), processes, TWO, {7: 0.5})
    usage = node.passed(gpu(busy=0.5), processes, TWO, None)
    assert (of(usage, TRAIN, POD_SM), of(usage, TRAIN, POD_BUSY)) == (None, 0.5)


def test_hidden_processes_of_a_shared_gpu_are_no_zeros(tmp_path: Path) -> None:
    node = Node(tmp_path, hidden=True)
    node.passed(gpu(busy=0, joules=0, used=9), None, TWO)
    usage = node.passed(gpu(busy=1, joules=300, used=9), None, TWO)
    assert [(one.pod, one.values) for one in usage.pods] == [("serve-0", {}), ("train-0", {})]
    assert rest(usage, UNATTRIBUTED_BUSY) == 1


def test_a_lost_gpu_keeps_its_holder_and_its_counters(node: Node) -> None:
    node.passed(gpu(busy=0), grants=(grant(TRAIN),))
    node.passed(gpu(busy=1), grants=(grant(TRAIN),))
    lost = Gpu(gpu().identity, up=False)
    assert [one.pod for one in node.passed(lost, grants=(grant(TRAIN),)).allocations] == ["train-0"]
    assert of(node.passed(gpu(busy=2), grants=(grant(TRAIN),)), TRAIN, POD_BUSY) == 2


def test_a_new_pod_folder_is_noticed(tmp_path: Path) -> None:
    names = PodNames(tmp_path)
    names.refresh()
    assert names.of(UID) is None
    (tmp_path / f"vision_train-0_{UID}").mkdir()
    names.refresh()
    assert names.of(UID) == TRAIN


def test_a_process_is_looked_up_once_and_checked_when_a_new_list_comes(node: Node) -> None:
    processes = (Process(7, 60),)
    node.passed(gpu(used=60), processes)
    shutil.rmtree(node.proc)
    assert of(node.passed(gpu(used=60), processes), TRAIN, POD_MEMORY) == 60
    assert node.passed(gpu(used=60), (Process(7, 60),)).unresolved_pids == 1
