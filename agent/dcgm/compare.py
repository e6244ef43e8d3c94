"""What an exporter in place serves and ours does not, each with the reason."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources

from agent.dcgm.names import FIELDS, GENERATIONS
from agent.dcgm.scrape import Sample

_IDENTITY = ("UUID", "GPU_I_ID")
"""Whose row it is."""
_HOLDER = ("namespace", "pod", "container")


@dataclass(frozen=True)
class Missing:
    """What one GPU lacks under one name: the series, or only a ``label`` of it, or a pod's row."""

    name: str
    gpu: str
    """Its uuid, with the GPU instance behind a slash; empty for what belongs to no GPU."""
    lacks: str
    """``series``, ``label NAME`` or ``row of pod NAMESPACE/POD``."""
    reason: str


def missing(theirs: Iterable[Sample], ours: Iterable[Sample]) -> list[Missing]:
    """By name and GPU, in the order of their page."""
    served = _by_row(ours)
    names = {name for name, _ in served}
    found: list[Missing] = []
    for (name, gpu), rows in _by_row(theirs).items():
        if (name, gpu) in served:
            found += _differences(name, gpu, rows, served[name, gpu])
        elif name in names and "/" in gpu and (name, gpu.partition("/")[0]) in served:
            found.append(Missing(name, gpu, "label GPU_I_ID", LABEL_REASONS.of("GPU_I_ID")))
        else:
            found.append(Missing(name, gpu, "series", _reason(name, names)))
    return found


def _by_row(samples: Iterable[Sample]) -> dict[tuple[str, str], list[Mapping[str, str]]]:
    rows: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for sample in samples:
        gpu = "/".join(sample.labels[label] for label in _IDENTITY if label in sample.labels)
        rows.setdefault((sample.name, gpu), []).append(sample.labels)
    return rows


def _differences(
    name: str, gpu: str, theirs: list[Mapping[str, str]], ours: list[Mapping[str, str]]
) -> Iterator[Missing]:
    pods = _pods(ours)
    gone = [pod for pod in _pods(theirs) if pod not in pods]
    why = _NOT_A_HOLDER if pods or len(gone) == 1 else _SHARED
    for pod in gone:
        yield Missing(name, gpu, f"row of pod {pod}", why)
    has = {label for row in ours for label in row}
    has |= {*_HOLDER} if gone else set()
    for label in dict.fromkeys(label for row in theirs for label in row if label not in has):
        yield Missing(name, gpu, f"label {label}", LABEL_REASONS.of(label))


def _pods(rows: list[Mapping[str, str]]) -> dict[str, None]:
    """In the order of the page."""
    return {f"{row.get('namespace', '')}/{row['pod']}": None for row in rows if "pod" in row}


def _reason(name: str, served: set[str]) -> str:
    for field in FIELDS:
        named = {field.named(generation) for generation in GENERATIONS}
        mine = next((one for one in named if one.name == name), None)
        if mine is None:
            continue
        if other := next((one for one in named if one.name in served), None):
            return f"the same field is {other.name} here: NEUROX_AGENT_DCGM=both has both names"
        if mine.differs.startswith("absent"):
            return mine.differs
        return f"neither this GPU nor its driver tells the agent {mine.series[0]}"
    return FIELD_REASONS.of(name)


class Reasons:
    """Sentences by name; the first pattern of the table that fits a name wins."""

    def __init__(self, table: str) -> None:
        text = resources.files("agent.dcgm").joinpath(table).read_text(encoding="utf-8")
        self.rows = [(row["pattern"], row["reason"]) for row in csv.DictReader(text.splitlines())]

    def of(self, name: str) -> str:
        """Why there is no such thing here."""
        return next(reason for pattern, reason in self.rows if fnmatchcase(name, pattern))


FIELD_REASONS = Reasons("reasons.csv")
LABEL_REASONS = Reasons("labels.csv")
_NOT_A_HOLDER = "the agent does not know this pod as the one that holds the GPU"
_SHARED = (
    "several pods share the GPU, so its own value is told once, without a pod: "
    "neurox_pod_gpu_sm_utilization_ratio and neurox_pod_gpu_memory_used_bytes at /metrics "
    "tell what each has"
)
