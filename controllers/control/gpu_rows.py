"""GPUs out of their series. Pure; the series are those of the agent's catalogue."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from controllers.control.thanos import Sample
from controllers.domain.gpu import NOT_GIVEN, Gpu, Holder, MigDevice, Xid
from controllers.domain.times import is_time

INFO = "neurox_gpu_info"
UP = "neurox_gpu_up"
READINGS = {
    "neurox_gpu_utilization_ratio": "utilization",
    "neurox_gpu_sm_active_ratio": "sm_active",
    "neurox_gpu_tensor_active_ratio": "tensor_active",
    "neurox_gpu_power_watts": "power_watts",
    "neurox_gpu_power_limit_watts": "power_limit_watts",
    "neurox_gpu_temperature_celsius": "temperature_celsius",
}
COUNTS = {
    "neurox_gpu_memory_used_bytes": "memory_used_bytes",
    "neurox_gpu_memory_total_bytes": "memory_total_bytes",
    "neurox_gpu_unattributed_memory_bytes": "unattributed_memory_bytes",
    "neurox_gpu_recovery_action": "recovery_action",
}
"""Metrics of a GPU and the fields that they fill, with numbers and with whole ones."""
HELD = "neurox_pod_gpu_allocation_info"
POD_READINGS = {
    "neurox_pod_gpu_sm_utilization_ratio": "utilization",
    "neurox_pod_gpu_busy_seconds_total": "busy_seconds",
    "neurox_pod_gpu_energy_joules_total": "energy_joules",
}
POD_COUNTS = {"neurox_pod_gpu_memory_used_bytes": "memory_used_bytes"}
XIDS, XID_AT, XID_INFO = (
    "neurox_gpu_xid_errors_total",
    "neurox_gpu_xid_last_timestamp_seconds",
    "neurox_gpu_xid_info",
)
MIG = "neurox_mig_info"
MIG_USED, MIG_TOTAL, MIG_SM, MIG_TENSOR = (
    "neurox_mig_memory_used_bytes",
    "neurox_mig_memory_total_bytes",
    "neurox_mig_sm_active_ratio",
    "neurox_mig_tensor_active_ratio",
)
CLOCK_EVENT, HEALTH = "neurox_gpu_clock_event_active", "neurox_gpu_health"
NAMES = (
    *(INFO, UP, *READINGS, *COUNTS, HELD, *POD_READINGS, *POD_COUNTS),
    *(XIDS, XID_AT, XID_INFO, MIG, MIG_USED, MIG_TOTAL, MIG_SM, MIG_TENSOR),
)
"""What a GPU's row is made of, beside what is wrong with it."""

_MOST = 2.0**63
_Place = tuple[str, str]
"""Node and uuid."""


@dataclass
class _Series:
    """Of one GPU: by name, and in several where labels of their own tell them apart."""

    single: dict[str, Sample] = field(default_factory=dict)
    several: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))


def rows(
    samples: Iterable[Sample], sampled: Iterable[Sample], simulated: frozenset[str]
) -> list[Gpu]:
    """GPUs out of series; ``simulated`` names nodes. A GPU without a sample time is left out.

    Where two nodes tell of one uuid, for a GPU was moved or a node has another name, the later one
    is believed, and nothing of the other is mixed in.
    """
    at = {_place(s): s.value for s in sampled if is_time(s.value)}
    found: dict[_Place, _Series] = defaultdict(_Series)
    for sample in samples:
        series = found[_place(sample)]
        series.single[sample.name] = sample
        series.several[sample.name].append(sample)
    last = {place[1]: place for place in sorted(at, key=lambda place: (at[place], place))}
    return [
        _gpu(uuid, found[place], at[place], simulated)
        for uuid, place in sorted(last.items())
        if INFO in found[place].single
    ]


def _place(sample: Sample) -> _Place:
    return sample.labels.get("node", ""), sample.labels.get("uuid", "")


def _gpu(uuid: str, series: _Series, at: float, simulated: frozenset[str]) -> Gpu:
    single, labels = series.single, series.single[INFO].labels
    findings = [s for s in series.several[HEALTH] if s.labels.get("check")]
    worst = max((s.value for s in series.several[HEALTH]), default=None)
    return Gpu(
        uuid=uuid,
        node=labels.get("node", ""),
        index=_index(labels.get("gpu", "")),
        model=labels.get("model", ""),
        sampled_at=at,
        up=UP not in single or single[UP].value > 0,
        **_fields(single, READINGS),
        **_fields(single, COUNTS),
        clock_events=_clock_events(series.several[CLOCK_EVENT]),
        xids=_xids(series),
        health=None if worst is None or not 0 <= worst <= 2 else int(worst),
        findings=tuple(
            s.labels["check"] for s in sorted(findings, key=lambda s: (-s.value, s.labels["check"]))
        ),
        migs=_migs(series),
        holders=_holders(series),
        driver=labels.get("driver", ""),
        serial=labels.get("serial", ""),
        pci_bus_id=labels.get("pci_bus_id", ""),
        simulated=labels.get("node", "") in simulated,
    )


def _clock_events(samples: list[Sample]) -> tuple[str, ...] | None:
    """One without a reason tells that they are known, be there any or none."""
    return tuple(sorted({s.labels.get("reason", "") for s in samples} - {""})) if samples else None


def _holders(series: _Series) -> tuple[Holder, ...]:
    """Who was given it, and who uses it without; in the order of their names."""
    given: dict[tuple[str, str], list[Sample]] = defaultdict(list)
    for sample in series.several[HELD]:
        given[_pod(sample)].append(sample)
    readings: dict[tuple[str, str], dict[str, Sample]] = defaultdict(dict)
    for name in (*POD_READINGS, *POD_COUNTS):
        for sample in series.several[name]:
            readings[_pod(sample)][name] = _added(sample, readings[_pod(sample)].get(name))
    return tuple(
        Holder(
            namespace=pod[0],
            pod=pod[1],
            container=min((s.labels.get("container", "") for s in given[pod]), default=""),
            mode=min((s.labels.get("mode", "") for s in given[pod]), default=NOT_GIVEN),
            mig_uuids=tuple(sorted({s.labels.get("mig_uuid", "") for s in given[pod]} - {""})),
            **_fields(readings[pod], POD_READINGS),
            **_fields(readings[pod], POD_COUNTS),
        )
        for pod in sorted({*given, *filter(lambda p: _uses(readings[p]), readings)})
    )


def _uses(series: Mapping[str, Sample]) -> bool:
    """A pod that once did keeps its counters for as long as it lives."""
    now = (*POD_COUNTS, "neurox_pod_gpu_sm_utilization_ratio")
    return any(number(series.get(name)) for name in now)


def _added(sample: Sample, before: Sample | None) -> Sample:
    """Energy is told by method: of a pod that shared its GPU for a while there are two."""
    return Sample(sample.name, sample.labels, sample.value + (before.value if before else 0))


def _xids(series: _Series) -> tuple[Xid, ...]:
    at = {s.labels.get("xid"): s for s in series.several[XID_AT]}
    told = {s.labels.get("xid"): s.labels for s in series.several[XID_INFO]}
    found = []
    for sample in series.several[XIDS]:
        code = sample.labels.get("xid", "")
        if count := whole(sample):
            labels, last = told.get(code, {}), number(at.get(code))
            texts = (labels.get("severity", ""), labels.get("cause", ""), labels.get("text", ""))
            when = last if last is not None and is_time(last) else None
            found.append(Xid(_index(code), count, when, *texts))
    return tuple(sorted(found, key=lambda xid: (-(xid.last_at or 0), xid.code)))


def _migs(series: _Series) -> tuple[MigDevice, ...]:
    def of(name: str, gi: str) -> Sample | None:
        return next((s for s in series.several[name] if s.labels.get("gi") == gi), None)

    found = []
    for sample in series.several[MIG]:
        labels = sample.labels
        gi = labels.get("gi", "")
        found.append(
            MigDevice(
                labels.get("mig_uuid", ""),
                _index(gi),
                _index(labels.get("ci", "")),
                labels.get("profile", ""),
                memory_used_bytes=whole(of(MIG_USED, gi)),
                memory_total_bytes=whole(of(MIG_TOTAL, gi)),
                sm_active=number(of(MIG_SM, gi)),
                tensor_active=number(of(MIG_TENSOR, gi)),
            )
        )
    return tuple(sorted(found, key=lambda mig: (mig.gi, mig.ci)))


def _fields(series: Mapping[str, Sample], names: Mapping[str, str]) -> dict[str, Any]:
    read = whole if names in (COUNTS, POD_COUNTS) else number
    return {to: read(series.get(name)) for name, to in names.items()}


def number(sample: Sample | None) -> float | None:
    """A value that something of this world can have, so that sums of it stay numbers too."""
    return sample.value if sample is not None and abs(sample.value) < _MOST else None


def whole(sample: Sample | None) -> int | None:
    """A value that can be a count."""
    value = number(sample)
    return None if value is None or value < 0 else int(value)


def _index(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else 0


def _pod(sample: Sample) -> tuple[str, str]:
    return sample.labels.get("namespace", ""), sample.labels.get("pod", "")
