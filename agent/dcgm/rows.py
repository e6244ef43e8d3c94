"""Who the rows of a GPU name: the GPU, its instances, and the pods that hold them.

dcgm-exporter copies a device's value to every pod that shares it. Here a device has one row, which
names the pod that holds it where there is just one: boards show the device, and sums are true.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.catalogue import Values
from agent.jobs import JOB_INFO
from agent.snapshot import Allocation, Gpu, MigInstance, Snapshot


@dataclass(frozen=True)
class Holder:
    """A pod on a row; ``container`` is empty where it holds the GPU by several."""

    namespace: str
    pod: str
    container: str


@dataclass(frozen=True)
class Row:
    """Values of a GPU or of an instance."""

    values: Values
    holder: Holder | None
    instance: MigInstance | None = None
    job: str = ""
    """The HPC job that has it alone."""

    @property
    def profile(self) -> str:
        """The GPU instance's, as in ``3g.40gb``, of which ``1c.3g.40gb`` is a compute instance."""
        devices = self.instance.devices if self.instance else ()
        return re.sub(r"^\d+c\.", "", devices[0].profile) if devices else ""


def rows(gpu: Gpu, snapshot: Snapshot) -> Iterator[Row]:
    """The rows of one GPU, the GPU's own first."""
    given = [one for one in snapshot.allocations if one.uuid == gpu.identity.uuid]
    holders = _holders(given)
    only = holders[0] if len(holders) == 1 and _is_whole(gpu, given) else None
    jobs = _jobs(snapshot.usage.gpus.get(gpu.identity.uuid, {}))
    yield Row(gpu.values, only, job=jobs.get("", ""))
    for instance in gpu.migs:
        uuids = {device.uuid for device in instance.devices}
        holders = _holders([one for one in given if one.mig_uuid in uuids])
        only = holders[0] if len(holders) == 1 else None
        yield Row(instance.values, only, instance, job=jobs.get(str(instance.gi), ""))


def _is_whole(gpu: Gpu, given: Sequence[Allocation]) -> bool:
    """Whether nothing of the GPU is left to others."""
    taken = {one.mig_uuid for one in given}
    return all(any(one.uuid in taken for one in part.devices) for part in gpu.migs)


def _jobs(values: Values) -> Mapping[str, str]:
    """By GPU instance, the whole GPU's under ``""``; several jobs on one are not told apart."""
    jobs: dict[str, set[str]] = {}
    for (name, labels), _ in values.items():
        if name == JOB_INFO:
            gi, job = labels
            jobs.setdefault(gi, set()).add(job)
    return {gi: found.pop() for gi, found in jobs.items() if len(found) == 1}


def _holders(given: Sequence[Allocation]) -> list[Holder]:
    containers: dict[tuple[str, str], set[str]] = {}
    for one in given:
        containers.setdefault((one.namespace, one.pod), set()).add(one.container)
    return [
        Holder(*pod, container="" if len(names) > 1 else next(iter(names)))
        for pod, names in containers.items()
    ]
