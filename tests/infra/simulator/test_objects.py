from typing import Any

import pytest

from infra.local.simulator.objects import Node, Pod, node, pod

POD: dict[str, Any] = {
    "metadata": {
        "uid": "u",
        "namespace": "vision",
        "name": "train-0",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "annotations": {"neurox.io/simulated-load": "0.8"},
    },
    "spec": {
        "nodeName": "gpu-1",
        "containers": [
            {"name": "main", "resources": {"limits": {"nvidia.com/gpu": "4", "cpu": "2"}}},
            {"name": "sidecar"},
        ],
    },
    "status": {"phase": "Running"},
}


def test_a_pod_is_read() -> None:
    assert pod(POD) == Pod(
        uid="u",
        namespace="vision",
        name="train-0",
        node="gpu-1",
        phase="Running",
        created="2026-01-01T00:00:00Z",
        containers=(("main", 4),),
        load=0.8,
    )


@pytest.mark.parametrize("text", ["2", "-1", "much", "nan"])
def test_a_load_that_is_no_ratio_is_no_load(text: str) -> None:
    metadata = {**POD["metadata"], "annotations": {"neurox.io/simulated-load": text}}
    assert pod({**POD, "metadata": metadata}).load is None


@pytest.mark.parametrize(
    ("throttle", "xid", "read"),
    [
        ("power_cap", "13", ("power_cap", 13)),
        ("power_cap\nlost = yes", "x", ("", 0)),
        ("idle", "-1", ("", 0)),
        ("", "123456", ("", 999)),
    ],
)
def test_trouble_is_what_the_driver_knows_or_none(
    throttle: str, xid: str, read: tuple[str, int]
) -> None:
    given = {"neurox.io/simulated-throttle": throttle, "neurox.io/simulated-xid": xid}
    found = pod({**POD, "metadata": {**POD["metadata"], "annotations": given}})
    assert (found.clock_event, found.xid) == read


@pytest.mark.parametrize(
    ("phase", "bound", "holds"),
    [
        ("Pending", "gpu-1", True),
        ("Running", "gpu-1", True),
        ("Pending", "", False),
        ("Succeeded", "gpu-1", False),
        ("Failed", "gpu-1", False),
    ],
)
def test_a_pod_holds_its_gpus_from_binding_to_end(phase: str, bound: str, holds: bool) -> None:
    assert Pod("u", "ns", "p", bound, phase, "", (("c", 1),)).holds is holds


def test_a_node_is_read() -> None:
    document = {
        "metadata": {"name": "gpu-1", "labels": {"nvidia.com/gpu.product": "NVIDIA-H200"}},
        "status": {"allocatable": {"nvidia.com/gpu": "8"}},
    }
    assert node(document) == Node("gpu-1", "NVIDIA-H200", 8)


def test_a_node_that_has_not_reported_yet_has_no_gpus() -> None:
    assert node({"metadata": {"name": "gpu-1"}}) == Node("gpu-1", "", 0)
