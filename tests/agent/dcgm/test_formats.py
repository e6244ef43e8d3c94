"""Every page of DCGM's names: each generation of a GPU that is whole, shared, and in instances."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import Series
from agent.dcgm.names import FIELDS, Name
from agent.dcgm.page import DcgmPage, generations
from agent.dcgm.rates import Rates
from agent.dcgm.scrape import parse
from agent.snapshot import Gpu, Identity, MigDevice, MigInstance, Snapshot, Usage
from tests.agent.dcgm.holders import given, used
from tests.agent.promtool import complaints, is_about_a_name

WHO = Identity(0, uuid="GPU-a", model='NVIDIA "H200"', pci_bus_id="00000000:18:00.0")
XIDS: dict[Series, float] = {
    ("neurox_gpu_xid_last_timestamp_seconds", ("79",)): 1.8e9,
    ("neurox_gpu_xid_errors_total", ("79",)): 1,
    ("neurox_gpu_xid_info", ("79", "fatal", "hardware", "Off the bus.")): 1,
}
LEGACY = [field.legacy for field in FIELDS]
IN_INSTANCES: dict[Series, float] = {name.mig: 0.25 for name in LEGACY if name.mig}
SETTINGS = ("legacy", "current", "both")


def gpu(total: float) -> Gpu:
    """It has every series that DCGM has a name for."""
    kinds = {kind for kind, _ in XIDS}
    values = {name.series: total for name in LEGACY if name.series[0] not in kinds}
    return Gpu(WHO, up=True, values=values | XIDS)


def whole() -> Snapshot:
    return Snapshot(10.0, driver="580", gpus=(gpu(10),), allocations=(given("GPU-a", "a"),))


def shared() -> Snapshot:
    usage = Usage((used("GPU-a", "a", 0.2, 512), used("GPU-a", "b", 0.3, 1024)))
    holders = (given("GPU-a", "a"), given("GPU-a", "b"))
    return Snapshot(10.0, driver="580", gpus=(gpu(10),), allocations=holders, usage=usage)


def split() -> Snapshot:
    migs = tuple(
        MigInstance(gi, 3, (MigDevice(f"MIG-{gi}", gi, 0, profile),), IN_INSTANCES)
        for gi, profile in ((1, "1c.3g.71gb"), (2, "4g.71gb"))
    )
    own = gpu(10)
    held = (given("GPU-a", "a", mig_uuid="MIG-1"),)
    return Snapshot(
        10.0, driver="580", gpus=(Gpu(WHO, True, own.values, migs=migs),), allocations=held
    )


LAYOUTS = {"whole": whole, "shared": shared, "instances": split}


def page(layout: str, setting: str) -> str:
    rates = Rates()
    rates.follow(Snapshot(0.0, gpus=(gpu(0),)))
    rates.follow(Snapshot(10.0, gpus=(gpu(10),)))
    told = DcgmPage("gpu-1", generations(setting), rates, clock=lambda: 1.8e9)
    return told.text(LAYOUTS[layout](), fresh=True)


def names(setting: str) -> dict[str, Name]:
    return {
        field.named(one).name: field.named(one) for field in FIELDS for one in generations(setting)
    }


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_name_is_there_with_its_type_and_read_alike_by_all(layout: str, setting: str) -> None:
    text = page(layout, setting)
    known = names(setting)
    lines = list(parse(text))
    assert {line.name for line in lines} == set(known)
    keys = [(line.name.removesuffix("_total"), tuple(line.labels.items())) for line in lines]
    assert len(set(keys)) == len(keys)
    official = list(text_string_to_metric_families(text))
    # The parser ends the name of every counter so; Prometheus leaves it as it is.
    short = {name.removesuffix("_total"): one.type for name, one in known.items()}
    assert {one.name.removesuffix("_total"): one.type for one in official} == short
    assert [
        (sample.name.removesuffix("_total"), tuple(sample.labels.items()))
        for family in official
        for sample in family.samples
    ] == keys


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_promtool_complains_of_nothing_but_names(layout: str, setting: str) -> None:
    assert [said for said in complaints(page(layout, setting)) if not is_about_a_name(said)] == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_rows_of_instances_are_of_what_instances_tell_and_of_nothing_else(setting: str) -> None:
    known = names(setting)
    for line in parse(page("instances", setting)):
        of = tuple(line.labels.get(name) for name in ("GPU_I_ID", "GPU_I_PROFILE", "pod"))
        if known[line.name].mig:
            # The profile is the GPU instance's, also where a compute instance has a part of it.
            assert of in (("1", "3g.71gb", "a"), ("2", "4g.71gb", None)), line
        else:
            assert of == (None, None, None), line


@pytest.mark.parametrize("setting", SETTINGS)
def test_only_a_gpu_that_one_pod_holds_names_it(setting: str) -> None:
    assert {line.labels.get("pod") for line in parse(page("whole", setting))} == {"a"}
    assert {line.labels.get("pod") for line in parse(page("shared", setting))} == {None}
    alone = [line.name for line in parse(page("whole", setting))]
    assert [line.name for line in parse(page("shared", setting))] == alone
