"""Prometheus families out of the last snapshot; a scrape reads nothing else."""

import time
from collections.abc import Callable, Iterator
from importlib import metadata

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.catalogue import METRICS, SCOPE_LABELS, Values
from agent.snapshot import Gpu, Snapshot

STALE_SECONDS = 15.0
"""Older device values are left out: a stuck driver must look like no answer, not like a number."""

_Family = CounterMetricFamily | GaugeMetricFamily


class SnapshotCollector(Collector):
    """Serves ``snapshot()``; keeps nothing, so what is gone stops appearing."""

    def __init__(self, node: str, snapshot: Callable[[], Snapshot | None]) -> None:
        self._node = node
        self._snapshot = snapshot

    def describe(self) -> Iterator[Metric]:
        """Nothing: or registering would collect."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """All families; values of a device only while the snapshot is fresh."""
        families: dict[str, _Family] = {}
        for name, labels, value in self._samples():
            self._family(families, name).add_metric((self._node, *labels), value)
        yield from (families[name] for name in METRICS if name in families)

    def _family(self, families: "dict[str, _Family]", name: str) -> "_Family":
        if name not in families:
            metric = METRICS[name]
            kind = CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily
            labels = (*SCOPE_LABELS[metric.scope], *metric.labels)
            families[name] = kind(name, metric.help, labels=labels)
        return families[name]

    def _samples(self) -> Iterator[tuple[str, tuple[str, ...], float]]:
        yield "neurox_agent_build_info", (metadata.version("neurox"),), 1
        snapshot = self._snapshot()
        if snapshot is None:
            return
        age = max(0.0, time.monotonic() - snapshot.taken_at)
        yield "neurox_agent_snapshot_age_seconds", (), age
        yield from _owned((), snapshot.agent)
        yield "neurox_node_gpus", (), len(snapshot.gpus)
        for gpu in snapshot.gpus:
            yield "neurox_gpu_info", (*_of(gpu), *_identity(gpu, snapshot)), 1
        if age <= STALE_SECONDS:
            yield from _fresh(snapshot)


def _fresh(snapshot: Snapshot) -> Iterator[tuple[str, tuple[str, ...], float]]:
    for gpu in snapshot.gpus:
        yield "neurox_gpu_up", _of(gpu), float(gpu.up)
        yield from _owned(_of(gpu), gpu.values)
        yield from _owned(_of(gpu), snapshot.usage.gpus.get(gpu.identity.uuid, {}))
    for pod in snapshot.usage.pods:
        yield from _owned((pod.uuid, pod.namespace, pod.pod), pod.values)
    for one in snapshot.allocations:
        to = (one.namespace, one.pod, one.container, one.pod_uid, one.resource, one.mode)
        yield "neurox_pod_gpu_allocation_info", (one.uuid, one.mig_uuid, *to), 1


def _owned(owner: tuple[str, ...], values: Values) -> Iterator[tuple[str, tuple[str, ...], float]]:
    for (name, labels), value in sorted(values.items()):
        yield name, (*owner, *labels), value


def _of(gpu: Gpu) -> tuple[str, str]:
    return gpu.identity.uuid, str(gpu.identity.index)


def _identity(gpu: Gpu, snapshot: Snapshot) -> tuple[str, ...]:
    who = gpu.identity
    texts = (who.model, who.architecture, who.pci_bus_id, who.minor, who.serial, who.vbios)
    return (*texts, snapshot.driver, snapshot.cuda, who.mig)
