import re
from collections.abc import Callable
from typing import cast

import pytest
from recording import report
from redis import Redis

from controllers.control.gpu_rows import rows
from controllers.control.gpus import GpuLoop, times, values
from controllers.control.thanos import Sample, Thanos
from controllers.domain.cluster import Cluster
from controllers.domain.errors import Unreachable
from controllers.domain.gpu import Holder
from controllers.store.clusters import Clusters
from controllers.store.gpus import Gpus
from controllers.store.states import States

LABELS = {"node": "gpu-1", "uuid": "GPU-1", "gpu": "3", "model": "H100"}


def sample(name: str, value: float, **labels: str) -> Sample:
    return Sample(name, LABELS | labels, value)


INFO = sample("neurox_gpu_info", 1)
AT = [sample("", 1000.5)]


def test_a_gpu_is_made_of_its_series() -> None:
    series = [
        INFO,
        sample("neurox_gpu_up", 1),
        sample("neurox_gpu_utilization_ratio", 0.75),
        sample("neurox_gpu_memory_used_bytes", 4e9),
        sample("neurox_gpu_memory_total_bytes", 8e10),
        sample("neurox_gpu_power_watts", 350.5),
        sample("neurox_gpu_temperature_celsius", 61, sensor="gpu"),
        sample("neurox_pod_gpu_allocation_info", 1, namespace="v", pod="p", container="c"),
    ]
    (gpu,) = rows(series, AT, frozenset({"gpu-1"}))
    assert (gpu.uuid, gpu.node, gpu.index, gpu.model) == ("GPU-1", "gpu-1", 3, "H100")
    assert (gpu.sampled_at, gpu.up, gpu.simulated) == (1000.5, True, True)
    assert (gpu.utilization, gpu.power_watts, gpu.temperature_celsius) == (0.75, 350.5, 61)
    assert (gpu.memory_used_bytes, gpu.memory_total_bytes) == (4_000_000_000, 80_000_000_000)
    assert gpu.holders == (Holder("v", "p", "c"),)


def test_what_was_not_measured_is_unknown_and_not_zero() -> None:
    (gpu,) = rows([INFO, sample("neurox_gpu_power_watts", float("nan"))], AT, frozenset())
    assert gpu.utilization is gpu.memory_used_bytes is gpu.power_watts is gpu.health is None
    assert gpu.holders == gpu.xids == gpu.migs == ()
    assert not gpu.simulated


@pytest.mark.parametrize("value", [1e300, -1.0, float("inf"), 2.0**63])
def test_a_number_that_no_gpu_can_have_is_unknown(value: float) -> None:
    odd = sample("neurox_gpu_memory_used_bytes", value)
    (gpu,) = rows([INFO, odd], AT, frozenset())
    assert gpu.memory_used_bytes is None


@pytest.mark.parametrize("value", [1e308, -1e308, float("-inf"), 2.0**63])
def test_a_reading_whose_sums_would_be_no_numbers_is_unknown(value: float) -> None:
    odd = sample("neurox_gpu_utilization_ratio", value)
    (gpu,) = rows([INFO, odd], AT, frozenset())
    assert gpu.utilization is None


@pytest.mark.parametrize("index", ["9" * 5000, "-1", "x", ""])
def test_an_index_that_is_none_stops_nobody(index: str) -> None:
    (gpu,) = rows([sample("neurox_gpu_info", 1, gpu=index)], AT, frozenset())
    assert gpu.index == 0


def test_a_gpu_that_its_driver_lost_is_down() -> None:
    (gpu,) = rows([INFO, sample("neurox_gpu_up", 0)], AT, frozenset())
    assert not gpu.up


def test_without_a_sample_time_there_is_no_sample() -> None:
    assert rows([INFO], [], frozenset()) == []
    assert rows([sample("neurox_gpu_up", 1)], AT, frozenset()) == []
    assert rows([INFO], [sample("", 1e15)], frozenset()) == []


def test_of_two_nodes_that_tell_of_one_gpu_the_later_is_believed() -> None:
    here = [INFO, sample("neurox_gpu_up", 1), sample("neurox_gpu_power_watts", 350)]
    there = [
        sample("neurox_gpu_info", 1, node="old"),
        sample("neurox_gpu_up", 0, node="old"),
        sample("neurox_gpu_temperature_celsius", 90, node="old"),
        sample("neurox_pod_gpu_allocation_info", 1, node="old", namespace="v", pod="gone"),
    ]
    at = [*AT, sample("", 999.0, node="old")]
    for samples, sampled in (([*here, *there], at), ([*there, *here], at[::-1])):
        (gpu,) = rows(samples, sampled, frozenset())
        assert (gpu.node, gpu.up, gpu.sampled_at) == ("gpu-1", True, 1000.5)
        assert (gpu.power_watts, gpu.temperature_celsius, gpu.holders) == (350, None, ())


def test_a_shared_gpu_shows_its_holders_in_the_order_of_their_names() -> None:
    held = [
        sample("neurox_pod_gpu_allocation_info", 1, namespace="v", pod=pod, container="c")
        for pod in ("b", "a")
    ]
    (gpu,) = rows([INFO, *held], AT, frozenset())
    assert gpu.holders == (Holder("v", "a", "c"), Holder("v", "b", "c"))


def test_queries_name_the_tenant_and_nothing_can_be_smuggled_in() -> None:
    assert 'tenant_id="0b0c-1"' in values("0b0c-1")
    assert times("0b0c-1") == 'timestamp(neurox_gpu_info{tenant_id="0b0c-1"})'
    with pytest.raises(Unreachable):
        values('x"} or up{a="')


class Answering:
    """A Thanos that answers for all clusters but some; ``meanwhile`` happens while it is asked."""

    def __init__(self, *silent: str, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.asked: list[str] = []
        self._silent, self._meanwhile = silent, meanwhile

    def instant(self, expression: str) -> list[Sample]:
        self._meanwhile()
        (cluster,) = set(re.findall('tenant_id="([^"]+)"', expression))
        self.asked.append(cluster)
        if cluster in self._silent:
            raise Unreachable("too many samples")
        return AT if expression.startswith("timestamp") else [INFO]


def loop(redis: Redis, thanos: Answering, *names: str) -> GpuLoop:
    clusters, states = Clusters(redis), States(redis)
    for name in names:
        clusters.add(Cluster(name, name, 0.0))
        states.apply(name, report())
    return GpuLoop(clusters, states, Gpus(redis, lambda: 1000.5), cast(Thanos, thanos))


def test_clusters_that_thanos_cannot_answer_for_cost_no_other_its_samples(redis: Redis) -> None:
    thanos = Answering("c1", "c3")
    looking = loop(redis, thanos, "c1", "c2", "c3", "c4")
    for _ in range(3):
        looking.step()
    assert [len(Gpus(redis).all(name)) for name in ("c1", "c2", "c3", "c4")] == [0, 1, 0, 1]


def test_a_thanos_that_answers_nobody_is_asked_once_a_pass(redis: Redis) -> None:
    thanos = Answering("c1", "c2")
    looking = loop(redis, thanos, "c1", "c2")
    for _ in range(4):
        looking.step()
    assert thanos.asked == ["c1", "c2", "c1", "c2"]


def test_of_a_cluster_that_is_removed_while_thanos_is_asked_no_sample_is_left(redis: Redis) -> None:
    looking = loop(redis, Answering(meanwhile=lambda: States(redis).retire("c1")), "c1")
    looking.step()
    assert Gpus(redis).all("c1") == []
