from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import ENERGY, METRICS, UTILIZATION
from agent.native import NativePage
from agent.snapshot import (
    Allocation,
    Gpu,
    Identity,
    MigDevice,
    MigInstance,
    PodUse,
    Snapshot,
    Usage,
)

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
            migs=(
                MigInstance(
                    gi=3,
                    slices=2,
                    devices=(MigDevice("MIG-1", 3, 0, "2g.20gb"),),
                    values={("neurox_mig_memory_used_bytes", ()): 9},
                ),
            ),
        ),
        Gpu(Identity(1, uuid="GPU-b"), up=False),
    ),
    usage=Usage(
        (PodUse("GPU-a", "vision", "train-0", {("neurox_pod_gpu_memory_used_bytes", ()): 7}),),
        {"GPU-a": {("neurox_gpu_unattributed_memory_bytes", ()): 3}},
    ),
    allocations=(Allocation("GPU-a", "vision", "train-0", "c", "nvidia.com/gpu", "exclusive"),),
    agent={("neurox_agent_driver_up", ()): 1},
)
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def served(snapshot: Snapshot | None, fresh: bool = True) -> Found:
    """Every sample, read by the official parser."""
    page = NativePage("gpu-1")
    return dict(samples(page.text(snapshot, fresh) + page.age(1.5)))


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


def test_gpu_instances_have_series_and_their_devices_a_name() -> None:
    found = served(SNAPSHOT)
    gpu = {"uuid": "GPU-a", "gpu": "0", "gi": "3"}
    assert found[key("neurox_mig_memory_used_bytes", **gpu)] == 9
    assert found[key("neurox_mig_info", **gpu, mig_uuid="MIG-1", ci="0", profile="2g.20gb")] == 1


def test_pods_appear_in_their_own_series() -> None:
    found = served(SNAPSHOT)
    pod = {"uuid": "GPU-a", "namespace": "vision", "pod": "train-0"}
    given = {**pod, "container": "c", "resource": "nvidia.com/gpu", "mode": "exclusive"}
    given |= {"mig_uuid": "", "pod_uid": ""}
    assert found[key("neurox_pod_gpu_memory_used_bytes", **pod)] == 7
    assert found[key("neurox_pod_gpu_allocation_info", **given)] == 1
    assert found[key("neurox_gpu_unattributed_memory_bytes", uuid="GPU-a", gpu="0")] == 3


def test_a_stuck_driver_looks_like_no_answer() -> None:
    names = {name for name, _ in served(SNAPSHOT, fresh=False)}
    assert names == {
        "neurox_agent_build_info",
        "neurox_agent_driver_up",
        "neurox_agent_snapshot_age_seconds",
        "neurox_gpu_info",
        "neurox_mig_info",
        "neurox_node_gpus",
    }


def test_before_the_first_pass_there_is_only_the_version() -> None:
    page = NativePage("gpu-1").text(None, fresh=False)
    assert {name for (name, _), _ in samples(page)} == {"neurox_agent_build_info"}


def test_no_driver_is_a_declared_zero() -> None:
    found = served(Snapshot(taken_at=0.0, problem="no library"))
    assert found[key("neurox_node_gpus")] == 0


def test_a_family_says_its_help_and_type_out_of_the_catalogue() -> None:
    page = NativePage("gpu-1").text(SNAPSHOT, fresh=True)
    for family in text_string_to_metric_families(page):
        name = family.name + ("_total" if family.type == "counter" else "")
        assert family.documentation == METRICS[name].help
        assert family.type == METRICS[name].type.replace("info", "gauge")
