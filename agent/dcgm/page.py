"""``/dcgm/metrics``: the snapshot under dcgm-exporter's names, units and labels."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.catalogue import Values
from agent.dcgm.names import FIELDS, GENERATIONS, Generation, Name
from agent.dcgm.rates import Rates
from agent.dcgm.readings import XID_LAST, XID_TOTAL, Readings
from agent.dcgm.rows import Row, rows
from agent.exposition import Family, Owned, Writer, label_text
from agent.snapshot import Gpu, Snapshot

_OWN_LABELS = {XID_LAST: ("err_code", "err_msg"), XID_TOTAL: ("xid",)}
_HOST = {"legacy": "Hostname", "current": "hostname"}
_DRIVER = {"legacy": "DCGM_FI_DRIVER_VERSION", "current": "DCGM_FI_SYSTEM_DRIVER_VERSION"}


def generations(setting: str) -> tuple[Generation, ...]:
    """Of a setting none, legacy, current or both."""
    return tuple(one for one in GENERATIONS if setting in (one, "both"))


class DcgmPage:
    """Writes snapshots of one node in the generations that are asked for."""

    def __init__(
        self,
        node: str,
        chosen: Sequence[Generation],
        rates: Rates,
        clock: Callable[[], float] = time.time,
        estimate: bool = False,
    ) -> None:
        self._node = node
        self._names = {one: _told_by(one, chosen) for one in chosen}
        self._rates = rates
        self._clock = clock
        self._estimate = estimate
        self._writer = Writer(dict(_families(self._names)))

    def text(self, snapshot: Snapshot | None, fresh: bool) -> str:
        """The page: empty where there is nothing that is true now."""
        if snapshot is None or not fresh:
            return ""
        return self._writer.page(self._owned(snapshot))

    def _owned(self, snapshot: Snapshot) -> Iterator[Owned]:
        now = self._clock()
        for gpu in snapshot.gpus:  # of one that is lost there are its XIDs: why it is
            if not gpu.identity.uuid:
                continue
            rates = self._rates.of(gpu.identity.uuid)
            split = frozenset(name for one in gpu.migs for name, _ in one.values)
            for row in rows(gpu, snapshot):
                found = Readings(row, split, rates, now, self._estimate)
                for generation, names in self._names.items():
                    labels = self._labels(gpu, row, snapshot.driver, generation)
                    yield labels, _named(found, names)

    def _labels(self, gpu: Gpu, row: Row, driver: str, generation: Generation) -> str:
        who = gpu.identity
        labels = {
            "gpu": str(who.index),
            "UUID": who.uuid,
            "pci_bus_id": who.pci_bus_id,
            "device": f"nvidia{who.index}",
            "modelName": who.model,
        }
        if row.instance:
            labels |= {"GPU_I_PROFILE": row.profile, "GPU_I_ID": str(row.instance.gi)}
        labels |= {_HOST[generation]: self._node, _DRIVER[generation]: driver}
        if row.holder:
            labels |= {"container": row.holder.container}
            labels |= {"namespace": row.holder.namespace, "pod": row.holder.pod}
        if row.job:
            labels["hpc_job"] = row.job
        return label_text(tuple(labels), tuple(labels.values()))


def _named(found: Readings, names: Sequence[Name]) -> Values:
    return {
        (name.name, labels): name.value(value) for name in names for labels, value in found.of(name)
    }


def _told_by(generation: Generation, chosen: Sequence[Generation]) -> list[Name]:
    """The names of a generation, but for those that an earlier one of the chosen has as well."""
    earlier = chosen[: chosen.index(generation)]
    return [
        field.named(generation)
        for field in FIELDS
        if all(field.named(one).name != field.named(generation).name for one in earlier)
    ]


def _families(names: Mapping[Generation, Sequence[Name]]) -> Iterator[tuple[str, Family]]:
    for name in (name for told in names.values() for name in told):
        yield name.name, Family(name.type, name.help, _OWN_LABELS.get(name.series[0], ()))
