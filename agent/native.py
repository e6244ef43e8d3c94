"""Our own page, ``/metrics``: what of a snapshot is served, and under whose labels."""

from collections.abc import Iterator, Mapping
from importlib import metadata

from agent.catalogue import METRICS, SCOPE_LABELS, Scope, Series, Values
from agent.exposition import Family, Owned, Writer, label_text
from agent.snapshot import Allocation, Gpu, Snapshot

AGE = "neurox_agent_snapshot_age_seconds"


def families() -> Mapping[str, Family]:
    """The catalogue as the text format wants it; an info is a gauge that is always 1."""
    return {
        name: Family("gauge" if one.type == "info" else one.type, one.help, one.labels)
        for name, one in METRICS.items()
    }


class NativePage:
    """Writes snapshots of one node; the label ``node`` is on all of its series."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._writer = Writer(families())
        self._version: Values = {("neurox_agent_build_info", (metadata.version("neurox"),)): 1}

    def text(self, snapshot: Snapshot | None, fresh: bool) -> str:
        """The page but for its age; values of devices and pods only while they are fresh."""
        return self._writer.page(self._owned(snapshot, fresh))

    def age(self, seconds: float) -> str:
        """The rest of the page, told at each scrape."""
        return Writer({AGE: families()[AGE]}).page([(self._of("node"), {(AGE, ()): seconds})])

    def _of(self, scope: Scope, *values: str) -> str:
        return label_text(SCOPE_LABELS[scope], (self._node, *values))

    def _owned(self, snapshot: Snapshot | None, fresh: bool) -> Iterator[Owned]:
        yield self._of("node"), self._version
        if snapshot is None:
            return
        yield self._of("node"), snapshot.agent
        yield self._of("node"), {("neurox_node_gpus", ()): len(snapshot.gpus)}
        for gpu in snapshot.gpus:
            yield from self._gpu(gpu, snapshot, fresh)
        if fresh:
            for pod in snapshot.usage.pods:
                yield self._of("pod", pod.uuid, pod.namespace, pod.pod), pod.values
            for one in snapshot.allocations:
                yield self._of("allocation", one.uuid), _given(one)

    def _gpu(self, gpu: Gpu, snapshot: Snapshot, fresh: bool) -> Iterator[Owned]:
        who = gpu.identity
        owner = who.uuid, str(who.index)
        of_gpu = self._of("gpu", *owner)
        yield of_gpu, _identity(gpu, snapshot)
        if not fresh:
            return
        yield of_gpu, {("neurox_gpu_up", ()): gpu.up}
        yield of_gpu, gpu.values
        yield of_gpu, snapshot.usage.gpus.get(who.uuid, {})
        for instance in gpu.migs:
            yield self._of("mig", *owner, str(instance.gi)), instance.values


def _identity(gpu: Gpu, snapshot: Snapshot) -> Values:
    who = gpu.identity
    device = (who.model, who.architecture, who.pci_bus_id, who.minor, who.serial, who.vbios)
    texts = (*device, snapshot.driver, snapshot.cuda, who.mig)
    found: dict[Series, float] = {("neurox_gpu_info", texts): 1}
    for instance in gpu.migs:
        for one in instance.devices:
            labels = (one.uuid, str(one.gi), str(one.ci), one.profile)
            found["neurox_mig_info", labels] = 1
    return found


def _given(one: Allocation) -> Values:
    to = (one.namespace, one.pod, one.container, one.pod_uid, one.resource, one.mode)
    return {("neurox_pod_gpu_allocation_info", (one.mig_uuid, *to)): 1}
