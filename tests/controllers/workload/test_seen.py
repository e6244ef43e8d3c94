from typing import Any

import msgspec
import pytest

from controllers.workload import seen, wire


def keep(kind: str, document: dict[str, Any]) -> Any:
    shape = getattr(wire, kind.capitalize())
    decode = msgspec.json.Decoder(shape).decode
    return getattr(seen, kind)(msgspec.json.encode(document), decode)


def container(gpus: object = None, **more: Any) -> dict[str, Any]:
    limits = {} if gpus is None else {"nvidia.com/gpu": gpus}
    return {"name": "c", "resources": {"limits": limits}, **more}


@pytest.mark.parametrize(
    ("text", "gpus"),
    [
        ("8", 8),
        (8, 8),
        ("0", 0),
        ("1k", 1000),
        ("8000m", 8),
        ("1e1", 10),
        ("1Ki", 1024),
        ("2M", 2_000_000),
        ("1E", 10**18),
        ("3E0", 3),
        ("5.", 5),
        ("4000000000n", 4),
    ],
)
def test_gpus_are_read_as_kubernetes_writes_them(text: object, gpus: int) -> None:
    assert seen.quantity(text) == gpus


@pytest.mark.parametrize(
    "text", ["-1", "0.5", "500m", "many", "", "NaN", "10E", "1e99", "1e999999999", "1KiB", "8" * 99]
)
def test_what_is_not_a_whole_number_of_gpus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="GPUs"):
        seen.quantity(text)


def test_a_pod_asks_for_its_containers_or_its_greediest_init_container() -> None:
    spec = {
        "containers": [container("2"), container("1"), container()],
        "initContainers": [
            container("1", restartPolicy="Always"),
            container("5"),
        ],
    }
    pod = keep("pod", {"metadata": {"uid": "u"}, "spec": spec})
    assert pod.gpus == 6
    spec["containers"].append(container("4"))
    assert keep("pod", {"metadata": {"uid": "u"}, "spec": spec}).gpus == 8


def test_a_pod_without_gpus_is_not_kept() -> None:
    assert keep("pod", {"metadata": {}, "spec": {"containers": [container()]}}) is None


def test_a_node_that_is_not_ready_says_why_and_one_that_lost_its_gpus_is_still_seen() -> None:
    status = {
        "capacity": {"nvidia.com/gpu": "0"},
        "conditions": [{"type": "Ready", "status": "Unknown", "message": "Kubelet is silent"}],
    }
    node = keep("node", {"metadata": {"name": "gpu-1"}, "status": status})
    assert (node.ready, node.reason, node.ever, node.gpus) == (False, "Kubelet is silent", True, 0)
    assert not keep("node", {"metadata": {"name": "cpu-1"}, "status": {}}).ever


def test_a_finished_job_says_how_it_ended() -> None:
    failed = {"type": "Failed", "status": "True", "reason": "DeadlineExceeded", "message": "late"}
    status = {"conditions": [failed | {"lastTransitionTime": "2026-01-02T00:00:00Z"}]}
    spec = {"template": {"spec": {"containers": [container("1")]}}}
    job = keep("job", {"metadata": {"uid": "u"}, "spec": spec, "status": status})
    assert (job.outcome, job.code, job.message) == ("Failed", "DeadlineExceeded", "late")
    assert job.finished == 1767312000.0


@pytest.mark.parametrize("broken", ["[1", "[1]", '{"n": {}}', '{"n": 1e999}', "[" * 100_000])
def test_marks_that_are_not_ours_are_left_out_and_a_broken_placement_is_none(broken: str) -> None:
    meta = {
        "uid": "u",
        "labels": {"neurox.io/pool": "h200", "app": "x"},
        "annotations": {"neurox.io/placement": broken},
    }
    spec = {"template": {"spec": {"containers": [container("1")]}}}
    job = keep("job", {"metadata": meta, "spec": spec})
    assert job.marks == {"pool": "h200"}
    assert job.placement == {}


def test_containers_that_ask_for_more_than_can_be_counted_ask_for_the_most() -> None:
    most = "9223372036854775807"
    spec = {"containers": [container(most), container(most)]}
    assert keep("pod", {"metadata": {}, "spec": spec}).gpus == int(most)
