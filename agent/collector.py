"""Prometheus families out of the last snapshot; a scrape reads nothing else."""

import time
from collections.abc import Callable, Iterator
from importlib import metadata

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from agent.catalogue import DEVICE_METRICS
from agent.snapshot import Gpu, Snapshot

STALE_SECONDS = 15.0
"""Older device values are left out: a stuck driver must look like no answer, not like a number."""

_IDENTITY = ("model", "arch", "pci_bus_id", "minor", "serial", "vbios", "driver", "cuda")
_ALLOCATION = ("node", "uuid", "namespace", "pod", "container", "resource", "mode")


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
        yield self._build_info()
        snapshot = self._snapshot()
        if snapshot is None:
            return
        age = max(0.0, time.monotonic() - snapshot.taken_at)
        yield from self._agent(snapshot, age)
        yield from self._identities(snapshot)
        if age <= STALE_SECONDS:
            yield self._up(snapshot)
            yield from self._devices(snapshot)
            yield from self._used(snapshot)
            yield self._allocations(snapshot)

    def _gauge(self, name: str, text: str, value: float, **labels: str) -> Metric:
        family = GaugeMetricFamily(name, text, labels=("node", *labels))
        family.add_metric((self._node, *labels.values()), value)
        return family

    def _build_info(self) -> Metric:
        version = metadata.version("neurox")
        return self._gauge("neurox_agent_build_info", "The agent's version.", 1, version=version)

    def _agent(self, snapshot: Snapshot, age: float) -> Iterator[Metric]:
        yield self._gauge(
            "neurox_agent_snapshot_age_seconds", "Age of what this scrape serves.", age
        )
        yield self._gauge(
            "neurox_agent_driver_up", "Whether NVML answers.", float(snapshot.problem is None)
        )
        if snapshot.kubelet_up is not None:
            yield self._gauge(
                "neurox_agent_kubelet_up",
                "Whether the kubelet tells which pods hold GPUs.",
                float(snapshot.kubelet_up),
            )
        yield self._gauge(
            "neurox_agent_unresolved_pids",
            "Processes on GPUs whose pod is not known.",
            snapshot.usage.unresolved_pids,
        )
        errors = CounterMetricFamily(
            "neurox_agent_collection_errors", "Failed calls.", labels=("node", "call", "error")
        )
        for (call, error), count in sorted(snapshot.errors.items()):
            errors.add_metric((self._node, call, error), count)
        yield errors

    def _identities(self, snapshot: Snapshot) -> Iterator[Metric]:
        yield self._gauge("neurox_node_gpus", "GPUs that the driver knows.", len(snapshot.gpus))
        info = GaugeMetricFamily(
            "neurox_gpu_info", "Who a GPU is.", labels=("node", "uuid", "gpu", *_IDENTITY)
        )
        for gpu in snapshot.gpus:
            who = gpu.identity
            texts = (who.model, who.architecture, who.pci_bus_id, who.minor, who.serial, who.vbios)
            info.add_metric((*self._of(gpu), *texts, snapshot.driver, snapshot.cuda), 1)
        yield info

    def _up(self, snapshot: Snapshot) -> Metric:
        up = GaugeMetricFamily(
            "neurox_gpu_up", "0: lost, or waiting for a reset.", labels=("node", "uuid", "gpu")
        )
        for gpu in snapshot.gpus:
            up.add_metric(self._of(gpu), float(gpu.up))
        return up

    def _devices(self, snapshot: Snapshot) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
        for metric in DEVICE_METRICS:
            kind = GaugeMetricFamily if metric.kind == "gauge" else CounterMetricFamily
            own = (metric.label,) if metric.label else ()
            families[metric.name] = kind(
                metric.name, metric.help, labels=("node", "uuid", "gpu", *own)
            )
        for gpu in snapshot.gpus:
            who = self._of(gpu)
            for (name, label), value in gpu.values.items():
                families[name].add_metric((*who, label) if label else who, value)
        yield from families.values()

    def _used(self, snapshot: Snapshot) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "neurox_pod_gpu_memory_used_bytes",
            "GPU memory that the processes of a pod hold.",
            labels=("node", "uuid", "namespace", "pod"),
        )
        for pod in snapshot.usage.pods:
            used.add_metric((self._node, pod.uuid, pod.namespace, pod.pod), pod.memory_bytes)
        yield used
        rest = GaugeMetricFamily(
            "neurox_gpu_unattributed_memory_bytes",
            "Used GPU memory that no pod explains.",
            labels=("node", "uuid", "gpu"),
        )
        for gpu in snapshot.gpus:
            if gpu.identity.uuid in snapshot.usage.unattributed:
                rest.add_metric(self._of(gpu), snapshot.usage.unattributed[gpu.identity.uuid])
        yield rest

    def _allocations(self, snapshot: Snapshot) -> Metric:
        info = GaugeMetricFamily(
            "neurox_pod_gpu_allocation_info", "Which pod was given a GPU.", labels=_ALLOCATION
        )
        for one in snapshot.allocations:
            to = (one.namespace, one.pod, one.container, one.resource, one.mode)
            info.add_metric((self._node, one.uuid, *to), 1)
        return info

    def _of(self, gpu: Gpu) -> tuple[str, str, str]:
        return self._node, gpu.identity.uuid, str(gpu.identity.index)
