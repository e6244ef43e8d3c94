"""Copy each GPU's last sample from Thanos into Redis, with its time."""

import logging
import math
import re
from collections.abc import Iterable

from controllers.control.thanos import Sample, Thanos
from controllers.domain.cluster import Gpu, Holder
from controllers.domain.errors import Unreachable
from controllers.domain.times import is_time
from controllers.store.clusters import Clusters
from controllers.store.gpus import Gpus
from controllers.store.states import States

log = logging.getLogger(__name__)

READINGS = {
    "neurox_gpu_utilization_ratio": "utilization",
    "neurox_gpu_memory_used_bytes": "memory_used_bytes",
    "neurox_gpu_memory_total_bytes": "memory_total_bytes",
    "neurox_gpu_power_watts": "power_watts",
    "neurox_gpu_temperature_celsius": "temperature_celsius",
}
"""Metric names and the fields of a GPU that they fill."""
INFO = "neurox_gpu_info"
UP = "neurox_gpu_up"
HELD = "neurox_pod_gpu_allocation_info"
NAMES = "|".join((*READINGS, INFO, UP, HELD))
CLUSTER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def values(cluster_id: str) -> str:
    """The query of every series that a GPU's row is made of."""
    return f'{{__name__=~"{NAMES}",sensor=~"|gpu",tenant_id="{_safe(cluster_id)}"}}'


def times(cluster_id: str) -> str:
    """The query of each GPU's sample time: an instant query's own times are its evaluation's."""
    return f'timestamp({INFO}{{tenant_id="{_safe(cluster_id)}"}})'


def rows(
    samples: Iterable[Sample], sampled: Iterable[Sample], simulated: frozenset[str]
) -> list[Gpu]:
    """GPUs out of series; ``simulated`` names nodes. A GPU without a sample time is left out."""
    at = {s.labels.get("uuid", ""): s.value for s in sampled if is_time(s.value)}
    found: dict[str, dict[str, Sample]] = {}
    holders: dict[str, Holder] = {}
    for sample in samples:
        uuid = sample.labels.get("uuid", "")
        if sample.name == HELD:
            if sample.labels.get("mode") == "none":
                continue  # It uses the GPU and was not given it.
            holder = _holder(sample)
            holders[uuid] = min(holders.get(uuid, holder), holder, key=_place)
        else:
            found.setdefault(uuid, {})[sample.name] = sample
    return [
        _gpu(uuid, series, at[uuid], holders.get(uuid), simulated)
        for uuid, series in sorted(found.items())
        if uuid in at and INFO in series
    ]


class GpuLoop:
    """Every cluster in turn; one that Thanos cannot answer for keeps its last samples."""

    def __init__(self, clusters: Clusters, states: States, gpus: Gpus, thanos: Thanos) -> None:
        self._clusters = clusters
        self._states = states
        self._gpus = gpus
        self._thanos = thanos
        self._failing = False

    def step(self) -> None:
        """Copy the samples of every cluster that ever reported."""
        try:
            for cluster in self._clusters.all():
                if self._states.meta(cluster.id) is not None:
                    self._copy(cluster.id)
        except Unreachable as failure:
            if not self._failing:
                log.warning("GPU samples are not renewed: %s", failure)
            self._failing = True
            return
        if self._failing:
            log.info("GPU samples are renewed again")
        self._failing = False

    def _copy(self, cluster_id: str) -> None:
        sampled = self._thanos.instant(times(cluster_id))
        samples = self._thanos.instant(values(cluster_id))
        nodes = self._states.nodes(cluster_id)
        simulated = frozenset(node.name for node in nodes if node.simulated)
        self._gpus.put(cluster_id, rows(samples, sampled, simulated))


def _gpu(
    uuid: str,
    series: dict[str, Sample],
    at: float,
    holder: Holder | None,
    simulated: frozenset[str],
) -> Gpu:
    labels = series[INFO].labels
    index = labels.get("gpu", "")
    return Gpu(
        uuid=uuid,
        node=labels.get("node", ""),
        index=int(index) if index.isdecimal() and len(index) < 5 else 0,
        model=labels.get("model", ""),
        sampled_at=at,
        up=UP not in series or series[UP].value > 0,
        utilization=_number(series, "neurox_gpu_utilization_ratio"),
        memory_used_bytes=_whole(series, "neurox_gpu_memory_used_bytes"),
        memory_total_bytes=_whole(series, "neurox_gpu_memory_total_bytes"),
        power_watts=_number(series, "neurox_gpu_power_watts"),
        temperature_celsius=_number(series, "neurox_gpu_temperature_celsius"),
        holder=holder,
        simulated=labels.get("node", "") in simulated,
    )


def _number(series: dict[str, Sample], name: str) -> float | None:
    sample = series.get(name)
    return sample.value if sample is not None and math.isfinite(sample.value) else None


def _whole(series: dict[str, Sample], name: str) -> int | None:
    number = _number(series, name)
    return None if number is None or not 0 <= number < 2**63 else int(number)


def _holder(sample: Sample) -> Holder:
    labels = sample.labels
    return Holder(labels.get("namespace", ""), labels.get("pod", ""), labels.get("container", ""))


def _place(holder: Holder) -> tuple[str, str, str]:
    return (holder.namespace, holder.pod, holder.container)


def _safe(cluster_id: str) -> str:
    """The id, which becomes part of a query: nothing but a UUID's letters may pass."""
    if not CLUSTER_ID.fullmatch(cluster_id):
        raise Unreachable(f"cluster id {cluster_id!r} cannot be part of a query")
    return cluster_id
