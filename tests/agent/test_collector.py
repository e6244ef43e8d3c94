import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import ENERGY, UTILIZATION
from agent.collector import STALE_SECONDS, SnapshotCollector
from agent.snapshot import Allocation, Gpu, Identity, PodUse, Snapshot, Usage

SNAPSHOT = Snapshot(
    taken_at=0.0,
    driver="580.95.05",
    cuda="13.0",
    gpus=(
        Gpu(
            Identity(0, uuid="GPU-a", model="NVIDIA H200", architecture="hopper"),
            up=True,
            values={
                UTILIZATION: 0.5,
                ENERGY: 12.0,
                ("neurox_gpu_temperature_celsius", ("gpu",)): 61.0,
            },
        ),
        Gpu(Identity(1, uuid="GPU-b"), up=False),
    ),
    usage=Usage(
        (PodUse("GPU-a", "vision", "train-0", {("neurox_pod_gpu_memory_used_bytes", ()): 7}),),
        {"GPU-a": {("neurox_gpu_unattributed_memory_bytes", ()): 3}},
    ),
    allocations=(Allocation("GPU-a", "vision", "train-0", "c", "nvidia.com/gpu", "exclusive"),),
)
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def served(snapshot: Snapshot | None, age: float = 0.0) -> Found:
    """Every sample, read by the official parser."""
    from dataclasses import replace

    taken = snapshot and replace(snapshot, taken_at=time.monotonic() - age)
    registry = CollectorRegistry()
    registry.register(SnapshotCollector("gpu-1", lambda: taken))
    return dict(samples(generate_latest(registry).decode()))


def samples(text: str) -> Iterator[tuple[tuple[str, frozenset[tuple[str, str]]], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset(
                (name, value) for name, value in sample.labels.items() if name != "node"
            )
            assert sample.labels["node"] == "gpu-1"
            yield (sample.name, labels), sample.value


def key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def test_device_series_carry_node_uuid_and_index() -> None:
    found = served(SNAPSHOT)
    assert found[key("neurox_gpu_utilization_ratio", uuid="GPU-a", gpu="0")] == 0.5
    assert found[key("neurox_gpu_energy_joules_total", uuid="GPU-a", gpu="0")] == 12
    celsius = key("neurox_gpu_temperature_celsius", uuid="GPU-a", gpu="0", sensor="gpu")
    assert found[celsius] == 61
    assert found[key("neurox_node_gpus")] == 2


def test_a_lost_gpu_is_down_and_has_no_values() -> None:
    of_lost = {name for name, labels in served(SNAPSHOT) if ("uuid", "GPU-b") in labels}
    assert of_lost == {"neurox_gpu_info", "neurox_gpu_up"}
    assert served(SNAPSHOT)[key("neurox_gpu_up", uuid="GPU-b", gpu="1")] == 0


def test_pods_appear_in_their_own_series() -> None:
    found = served(SNAPSHOT)
    pod = {"uuid": "GPU-a", "namespace": "vision", "pod": "train-0"}
    given = {**pod, "container": "c", "resource": "nvidia.com/gpu", "mode": "exclusive"}
    given |= {"mig_uuid": "", "pod_uid": ""}
    assert found[key("neurox_pod_gpu_memory_used_bytes", **pod)] == 7
    assert found[key("neurox_pod_gpu_allocation_info", **given)] == 1
    assert found[key("neurox_gpu_unattributed_memory_bytes", uuid="GPU-a", gpu="0")] == 3


def test_a_stuck_driver_looks_like_no_answer() -> None:
    found = served(SNAPSHOT, age=STALE_SECONDS + 5)
    names = {name for name, _ in found}
    assert "neurox_gpu_utilization_ratio" not in names
    assert "neurox_gpu_up" not in names
    assert found[key("neurox_agent_snapshot_age_seconds")] > STALE_SECONDS


def test_before_the_first_pass_there_is_only_the_version() -> None:
    assert {name for name, _ in served(None)} == {"neurox_agent_build_info"}


def test_no_driver_is_a_declared_zero() -> None:
    found = served(Snapshot(taken_at=0.0, problem="no library"))
    assert found[key("neurox_node_gpus")] == 0
