from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import MEMORY_USED, POWER, UTILIZATION, Series
from agent.dcgm.page import DcgmPage, generations
from agent.dcgm.rates import Rates
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
from tests.agent.dcgm.holders import MIB, given, used

WHO = Identity(0, uuid="GPU-a", model="NVIDIA H200", pci_bus_id="00000000:18:00.0")
VALUES: Mapping[Series, float] = {
    UTILIZATION: 0.75,
    MEMORY_USED: 4096 * MIB,
    POWER: 512.5,
    ("neurox_gpu_clock_hertz", ("sm",)): 1.98e9,
}
NOW = 1_800_000_000.0


def snapshot(
    values: Mapping[Series, float] = VALUES,
    allocations: tuple[Allocation, ...] = (),
    pods: tuple[PodUse, ...] = (),
    migs: tuple[MigInstance, ...] = (),
) -> Snapshot:
    gpu = Gpu(WHO, up=True, values=values, migs=migs)
    usage = Usage(pods)
    return Snapshot(
        taken_at=0, driver="580.95.05", gpus=(gpu,), allocations=allocations, usage=usage
    )


def text(shown: Snapshot, setting: str = "legacy", rates: Rates | None = None) -> str:
    page = DcgmPage("gpu-1", generations(setting), rates or Rates(), clock=lambda: NOW)
    return page.text(shown, fresh=True)


def rows(
    shown: Snapshot, name: str, setting: str = "legacy"
) -> list[tuple[Mapping[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text(shown, setting))
        for sample in family.samples
        # The parser ends the name of every counter so.
        if sample.name.removesuffix("_total") == name
    ]


def by_pod(shown: Snapshot, name: str) -> dict[str, float]:
    return {labels.get("pod", ""): value for labels, value in rows(shown, name)}


def test_a_line_is_the_exporters_letter_for_letter() -> None:
    line = (
        'DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-a",pci_bus_id="00000000:18:00.0",device="nvidia0",'
        'modelName="NVIDIA H200",Hostname="gpu-1",DCGM_FI_DRIVER_VERSION="580.95.05",'
        'container="main",namespace="vision",pod="train-0"} 1980\n'
    )
    assert line in text(snapshot(allocations=(given("GPU-a", "train-0"),)))


def test_the_current_generation_has_other_names_units_and_labels() -> None:
    ((labels, value),) = rows(snapshot(), "DCGM_FI_DEV_SM_CLOCK_HERTZ", "current")
    assert value == 1.98e9
    assert labels["hostname"] == "gpu-1"
    assert labels["DCGM_FI_SYSTEM_DRIVER_VERSION"] == "580.95.05"
    assert "Hostname" not in labels


def test_both_generations_can_be_served_together_and_neither() -> None:
    both = text(snapshot(), "both")
    assert "DCGM_FI_DEV_FB_USED{" in both
    assert "DCGM_FI_DEV_FB_USED_BYTES{" in both
    errors: dict[Series, float] = {("neurox_gpu_ecc_errors_total", ("corrected", "volatile")): 1}
    # A name that both have is told once, or sums would be twice what is true.
    assert len(rows(snapshot(errors), "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "both")) == 1
    assert generations("none") == ()


def test_a_gpu_of_one_pod_has_its_name_on_every_row() -> None:
    shown = snapshot(allocations=(given("GPU-a", "train-0", "a"), given("GPU-a", "train-0", "b")))
    for name in ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_POWER_USAGE"):
        ((labels, _),) = rows(shown, name)
        assert (labels["pod"], labels["container"]) == ("train-0", "")


def test_a_shared_gpu_has_its_own_values_once_and_no_pod() -> None:
    shown = snapshot(
        allocations=(given("GPU-a", "a"), given("GPU-a", "b")),
        pods=(used("GPU-a", "a", 0.25, 1024), used("GPU-a", "b", 0.5, 2048)),
    )
    for name, value in (("GPU_UTIL", 75), ("FB_USED", 4096), ("POWER_USAGE", 512.5)):
        ((labels, shows),) = rows(shown, f"DCGM_FI_DEV_{name}")
        assert shows == value
        assert not {"pod", "namespace", "container"} & set(labels)


def test_a_gpu_instance_has_rows_of_what_is_its_own() -> None:
    memory: Series = ("neurox_mig_memory_used_bytes", ())
    migs = tuple(
        MigInstance(gi, 1, (MigDevice(f"MIG-{gi}", gi, 0, "1g.18gb"),), {memory: gi * MIB})
        for gi in (7, 9)
    )
    shown = snapshot(migs=migs, allocations=(given("GPU-a", "a", mig_uuid="MIG-7"),))
    found = rows(shown, "DCGM_FI_DEV_FB_USED")
    assert [(x["GPU_I_ID"], x["GPU_I_PROFILE"], x.get("pod"), value) for x, value in found] == [
        ("7", "1g.18gb", "a", 7),
        ("9", "1g.18gb", None, 9),
    ]
    assert len(rows(shown, "DCGM_FI_DEV_POWER_USAGE")) == 1


def test_an_instance_that_pods_share_names_none() -> None:
    memory: Series = ("neurox_mig_memory_used_bytes", ())
    migs = (MigInstance(1, 3, (MigDevice("MIG-1", 1, 0, "3g.71gb"),), {memory: 5 * MIB}),)
    both = (given("GPU-a", "a", mig_uuid="MIG-1"), given("GPU-a", "b", mig_uuid="MIG-1"))
    assert by_pod(snapshot(migs=migs, allocations=both), "DCGM_FI_DEV_FB_USED") == {"": 5}


def test_the_rows_of_a_gpu_name_a_pod_only_where_it_has_every_instance() -> None:
    migs = tuple(MigInstance(gi, 1, (MigDevice(f"MIG-{gi}", gi, 0, "3g.71gb"),)) for gi in (1, 2))
    one = snapshot(migs=migs, allocations=(given("GPU-a", "a", mig_uuid="MIG-1"),))
    assert by_pod(one, "DCGM_FI_DEV_POWER_USAGE") == {"": 512.5}
    both = (given("GPU-a", "a", mig_uuid="MIG-1"), given("GPU-a", "a", mig_uuid="MIG-2"))
    assert by_pod(snapshot(migs=migs, allocations=both), "DCGM_FI_DEV_POWER_USAGE") == {"a": 512.5}


def xids(at: float) -> dict[Series, float]:
    return {
        ("neurox_gpu_xid_last_timestamp_seconds", ("13",)): at - 9,
        ("neurox_gpu_xid_last_timestamp_seconds", ("79",)): at,
        ("neurox_gpu_xid_errors_total", ("79",)): 3,
        ("neurox_gpu_xid_info", ("79", "fatal", "hardware", "Off the bus.")): 1,
    }


def test_the_last_xid_is_told_with_its_meaning_until_it_has_been_quiet() -> None:
    ((labels, value),) = rows(snapshot(xids(NOW - 10)), "DCGM_FI_DEV_XID_ERRORS")
    assert (value, labels["err_code"], labels["err_msg"]) == (79, "79", "Off the bus.")
    ((labels, value),) = rows(snapshot(xids(NOW - 900)), "DCGM_FI_DEV_XID_ERRORS")
    assert (value, labels["err_code"], labels["err_msg"]) == (0, "0", "No Error")
    ((labels, value),) = rows(snapshot(xids(NOW)), "DCGM_EXP_XID_ERRORS_TOTAL")
    assert (value, labels["xid"]) == (3, "79")


def test_no_xid_is_zero_only_where_they_are_watched() -> None:
    watched: dict[Series, float] = {("neurox_gpu_health", ("xid",)): 0}
    assert [value for _, value in rows(snapshot(watched), "DCGM_FI_DEV_XID_ERRORS")] == [0]
    assert rows(snapshot(), "DCGM_FI_DEV_XID_ERRORS") == []


def test_traffic_is_a_rate() -> None:
    rates = Rates()
    for at, sent in ((0.0, 0.0), (10.0, 5e9)):
        values: dict[Series, float] = {
            ("neurox_gpu_nvlink_bytes_total", ("transmit",)): sent,
            ("neurox_gpu_nvlink_bytes_total", ("receive",)): sent,
            ("neurox_gpu_pcie_bytes_total", ("receive",)): sent,
        }
        rates.follow(Snapshot(taken_at=at, gpus=(Gpu(WHO, up=True, values=values),)))
    page = text(snapshot(), "both", rates)
    assert "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL{" in page
    lines = [line for line in page.splitlines() if not line.startswith("#")]
    found = {line.partition("{")[0]: float(line.rpartition(" ")[2]) for line in lines}
    assert found["DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"] == 1000
    assert found["DCGM_FI_DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND"] == 1e9
    assert found["DCGM_FI_PROF_PCIE_RX_BYTES"] == 5e8
    assert "DCGM_FI_PROF_PCIE_TX_BYTES" not in found


def test_a_lost_gpu_has_its_last_xid_and_nothing_else() -> None:
    lost = Snapshot(taken_at=0, gpus=(Gpu(WHO, up=False, values=xids(NOW)),))
    ((labels, value),) = rows(lost, "DCGM_FI_DEV_XID_ERRORS")
    assert (labels["UUID"], value) == ("GPU-a", 79)
    names = {line.partition("{")[0] for line in text(lost).splitlines() if line[0] != "#"}
    assert names == {"DCGM_FI_DEV_XID_ERRORS", "DCGM_EXP_XID_ERRORS_TOTAL"}
    watched: dict[Series, float] = {("neurox_gpu_health", ("xid",)): 0}
    never_seen = Gpu(Identity(0), up=False, values=watched)
    assert text(Snapshot(taken_at=0, gpus=(never_seen,))) == ""


def test_an_old_snapshot_has_no_rows() -> None:
    page = DcgmPage("gpu-1", ("legacy",), Rates())
    assert page.text(snapshot(), fresh=False) == ""
    assert page.text(None, fresh=False) == ""


def test_before_hopper_utilization_stands_for_activity_only_if_that_is_asked_for() -> None:
    name = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"
    assert rows(snapshot(), name) == []
    page = DcgmPage("gpu-1", ("legacy",), Rates(), estimate=True)
    assert f"{name}{{" in page.text(snapshot(), fresh=True)
    graphics: Series = ("neurox_gpu_graphics_active_ratio", ())
    measured = page.text(snapshot({**VALUES, graphics: 0.125}), fresh=True)
    assert next(x for x in measured.splitlines() if x.startswith(name)).endswith("} 0.125")
