"""GPUs that MPS or MIG shares out."""

import pytest

from agent.catalogue import Values
from agent.consumption import (
    POD_BUSY,
    POD_ENERGY,
    POD_MEMORY,
    POD_SM,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_ENERGY,
)
from agent.deviceid import Device
from agent.snapshot import Gpu, MigDevice, MigInstance, Process
from tests.agent.attribution.one_gpu import (
    SERVE,
    TRAIN,
    TWO,
    Node,
    gpu,
    grant,
    of,
    put_process,
    rest,
)


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
    node.passed(mig((0.0, 0.0), joules=0, busy=0), None, MIGS)
    usage = node.passed(mig((0.5, 0.5), joules=80, busy=2 / 7), None, MIGS)
    assert of(usage, TRAIN, POD_ENERGY["mig_activity"]) == pytest.approx(60, abs=1e-5)
    assert of(usage, SERVE, POD_ENERGY["mig_activity"]) == pytest.approx(20, abs=1e-5)
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(3 / 7 / 2, abs=1e-5)
    assert of(usage, TRAIN, POD_SM) == pytest.approx(3 / 7 / 2)
    assert [(one.mig_uuid, one.mode) for one in usage.allocations] == [
        ("MIG-2", "mig"),
        ("MIG-1", "mig"),
    ]


def test_instances_that_are_busy_when_first_told_are_not_idle(node: Node) -> None:
    node.passed(mig((None, None), joules=0, watts=80), None, MIGS)
    node.passed(mig((0.5, 0.5), joules=80, watts=80, busy=2 / 7), None, MIGS)
    usage = node.passed(mig((0.5, 0.5), joules=160, watts=80, busy=4 / 7), None, MIGS)
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


def two_on_one_instance(active: float, **values: float) -> Gpu:
    devices = tuple(MigDevice(f"MIG-{ci}", 1, ci, "1c.4g") for ci in (0, 1))
    told: Values = {("neurox_mig_sm_active_ratio", ()): active}
    return Gpu(gpu().identity, True, gpu(**values).values, (MigInstance(1, 4, devices, told),))


@pytest.mark.parametrize(("processes", "of_train"), [((300, 100), 0.75), ((), 0.5)])
def test_two_compute_instances_share_what_their_instance_did_by_their_memory(
    node: Node, processes: tuple[int, ...], of_train: float
) -> None:
    """Evenly where neither holds any."""
    grants = tuple(
        grant(pod, Device(mig_uuid=f"MIG-{ci}")) for ci, pod in enumerate((TRAIN, SERVE))
    )
    listed = tuple(Process(7 + n, held, gi=1) for n, held in enumerate(processes))
    node.passed(two_on_one_instance(0.0, busy=0, joules=0, used=500), listed, grants)
    cut = two_on_one_instance(0.5, busy=2 / 7, joules=100, used=500)
    usage = node.passed(cut, listed, grants)
    assert of(usage, TRAIN, POD_BUSY) == pytest.approx(2 / 7 * of_train, abs=1e-5)
    assert of(usage, SERVE, POD_SM) == pytest.approx(2 / 7 * (1 - of_train), abs=1e-5)
    assert of(usage, SERVE, POD_ENERGY["mig_activity"]) == pytest.approx(100 * (1 - of_train))
    assert rest(usage, UNATTRIBUTED_BUSY) == pytest.approx(0, abs=1e-5)
    assert {one.mig_uuid for one in usage.allocations} == {"MIG-0", "MIG-1"}
