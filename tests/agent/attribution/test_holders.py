"""Who was given a GPU, whatever else can be seen of it."""

import logging
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.allocations import Grant
from agent.attribution import Attribution
from agent.catalogue import Series
from agent.consumption import (
    ENDED_BUSY,
    POD_BUSY,
    POD_MEMORY,
    UNATTRIBUTED_BUSY,
)
from agent.deviceid import Device
from agent.pods import NodePod, PodNames
from agent.sight import Sight
from agent.snapshot import Allocation, Gpu, MigDevice, MigInstance, Process
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
    rest,
)

VISIBLE: Series = ("neurox_agent_processes_visible", ())


def test_a_gpu_is_named_as_its_driver_writes_it(node: Node) -> None:
    granted = (grant(TRAIN, Device("gpu-1")),)
    usage = node.passed(gpu(), grants=granted)
    assert [one.uuid for one in usage.allocations] == ["GPU-1"]


def test_a_mig_device_is_named_as_its_driver_writes_it(node: Node) -> None:
    device = MigDevice("MIG-1a", 1, 0, "1g")
    cut = replace(gpu(), migs=(MigInstance(1, 1, (device,)),))
    usage = node.passed(cut, grants=(grant(TRAIN, Device(mig_uuid="mig-1A")),))
    assert [(one.uuid, one.mig_uuid) for one in usage.allocations] == [("GPU-1", "MIG-1a")]


def test_a_pod_on_a_gpu_that_it_was_not_given_is_told(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes, (grant(TRAIN),))
    usage = node.passed(gpu(busy=1), processes, (grant(TRAIN),), {7: 0.5, 8: 0.5})
    assert of(usage, SERVE, POD_BUSY) == 0.5
    none = Allocation("GPU-1", *SERVE, "", "", "none", pod_uid=OTHER)
    assert usage.allocations[1] == none


def test_claimed_devices_and_what_hami_gave_are_known_by_the_api_server(tmp_path: Path) -> None:
    uuid = f"GPU-{UID}"
    hami = Grant(*TRAIN, "main", "nvidia.com/gpu", Device(f"GPU-{OTHER}", replica=True, hami=True))
    claim = grant(SERVE, Device(claim="gpu-1/gpu-0"))
    other = grant(SERVE, Device(claim="gpu-1/nic-0"))
    pods = {UID: NodePod(UID, *TRAIN, hami=f"{uuid},NVIDIA,4096,25:;")}
    pods[OTHER] = NodePod(OTHER, *SERVE)
    names = PodNames(tmp_path, SimpleNamespace(up=True, items=pods))
    slices = SimpleNamespace(revision=1, refresh=lambda: None, uuid={"gpu-1/gpu-0": uuid}.get)
    attribution = Attribution(Sight(tmp_path), names, slices)
    ended = grant(("vision", "ended"))
    usage = attribution.usage([], (hami, claim, other, ended), 0.0)
    assert [(one.uuid, one.pod, one.mode, one.pod_uid) for one in usage.allocations] == [
        (uuid, "serve-0", "dra", OTHER),
        (uuid, "train-0", "timeslice", UID),
    ]


def test_a_lost_gpu_keeps_its_holder_and_its_counters(node: Node) -> None:
    node.passed(gpu(busy=0), grants=(grant(TRAIN),))
    node.passed(gpu(busy=1), grants=(grant(TRAIN),))
    lost = Gpu(gpu().identity, up=False)
    assert [one.pod for one in node.passed(lost, grants=(grant(TRAIN),)).allocations] == ["train-0"]
    assert of(node.passed(gpu(busy=2), grants=(grant(TRAIN),)), TRAIN, POD_BUSY) == 2


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


def test_hidden_processes_of_a_shared_gpu_are_no_zeros(tmp_path: Path) -> None:
    node = Node(tmp_path, hidden=True)
    node.passed(gpu(busy=0, joules=0, used=9), None, TWO)
    usage = node.passed(gpu(busy=1, joules=300, used=9), None, TWO)
    assert [(one.pod, one.values) for one in usage.pods] == [("serve-0", {}), ("train-0", {})]
    assert rest(usage, UNATTRIBUTED_BUSY) == 1
