"""What each pod has had of a GPU's time and energy."""

import pytest

from agent.consumption import (
    ENDED_BUSY,
    ENDED_ENERGY,
    POD_BUSY,
    POD_ENERGY,
    POD_SM,
    UNATTRIBUTED_BUSY,
    UNATTRIBUTED_ENERGY,
)
from agent.snapshot import Process
from tests.agent.attribution.one_gpu import SERVE, TRAIN, TWO, UID, Node, gpu, grant, of, rest


def test_an_exclusive_gpu_is_all_its_pods_without_any_process(node: Node) -> None:
    node.passed(gpu(busy=100, joules=5000), grants=(grant(TRAIN),))
    assert not node.attribution.wants_activity("GPU-1")
    usage = node.passed(gpu(busy=100.5, joules=5300), grants=(grant(TRAIN),))
    assert of(usage, TRAIN, POD_BUSY) == 0.5
    assert of(usage, TRAIN, POD_SM) == 0.5
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


def test_activity_that_was_not_told_is_no_zero(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes, TWO)
    node.passed(gpu(busy=0.5), processes, TWO, {7: 0.5})
    usage = node.passed(gpu(busy=0.5), processes, TWO, None)
    assert (of(usage, TRAIN, POD_SM), of(usage, TRAIN, POD_BUSY)) == (None, 0.5)


def test_what_pods_have_had_is_told_also_where_a_list_of_processes_failed(node: Node) -> None:
    processes = (Process(7, 1), Process(8, 1))
    node.passed(gpu(busy=0), processes)
    node.passed(gpu(busy=1), processes, (), {7: 0.6, 8: 0.4})
    usage = node.passed(gpu(busy=1.5), None)
    busy = of(usage, TRAIN, POD_BUSY), of(usage, SERVE, POD_BUSY)
    assert busy == (pytest.approx(0.6, abs=1e-5), pytest.approx(0.4, abs=1e-5))
    assert sum(busy) + rest(usage, UNATTRIBUTED_BUSY) == pytest.approx(1.5)
    assert of(usage, TRAIN, POD_SM) is None


def test_activity_is_asked_for_before_the_first_process_on_a_shared_gpu(node: Node) -> None:
    node.passed(gpu(busy=0), (), TWO)
    assert node.attribution.wants_activity("GPU-1")
    usage = node.passed(gpu(busy=0.5), (), TWO, {7: 0.5})
    assert of(usage, TRAIN, POD_BUSY) == 0.5


def test_processes_of_the_host_alone_need_no_activity(node: Node) -> None:
    node.passed(gpu(busy=0), (Process(9, 1),))
    assert not node.attribution.wants_activity("GPU-1")


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


def test_a_pod_of_the_same_name_inherits_nothing(node: Node) -> None:
    whole, old = (grant(TRAIN),), node.logs / f"{'_'.join(TRAIN)}_{UID}"
    node.passed(gpu(busy=0, joules=0), grants=whole)
    node.passed(gpu(busy=5, joules=900), grants=whole)
    old.rename(old.with_name(f"{'_'.join(TRAIN)}_{UID[::-1]}"))
    for busy, joules in ((6, 1000), (8, 1200)):
        usage = node.passed(gpu(busy=busy, joules=joules), grants=whole)
        assert of(usage, TRAIN, POD_BUSY) == busy - 5
        assert of(usage, TRAIN, POD_ENERGY["exclusive"]) == joules - 900
        assert (rest(usage, ENDED_BUSY), rest(usage, ENDED_ENERGY)) == (5, 900)


def test_a_pod_whose_uid_is_not_told_for_a_while_keeps_its_counters(node: Node) -> None:
    whole, folder = (grant(TRAIN),), node.logs / f"{'_'.join(TRAIN)}_{UID}"
    node.passed(gpu(busy=0), grants=whole)
    node.passed(gpu(busy=1), grants=whole)
    folder.rmdir()
    node.passed(gpu(busy=2), grants=whole)
    folder.mkdir()
    usage = node.passed(gpu(busy=3), grants=whole)
    assert (of(usage, TRAIN, POD_BUSY), rest(usage, ENDED_BUSY)) == (3, 0)
