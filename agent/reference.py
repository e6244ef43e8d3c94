"""``docs/reference/metrics.md``, out of the tables that the agent itself works by."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.catalogue import METRICS, SCOPE_LABELS, Metric, Scope
from agent.dcgm.compare import FIELD_REASONS, LABEL_REASONS
from agent.dcgm.names import FIELDS, Field

_HEAD = """# Metrics

What the agent serves at `/metrics`. Made by `make reference` out of `agent/metrics.csv` and
`agent/dcgm/`.

Units are base units: bytes, seconds, joules, hertz, watts, degrees Celsius, and ratios of 0 to 1. A
counter grows as long as the agent lives, also over a reload of the driver. What a GPU or its driver
does not support is absent; what failed is absent and counted in
`neurox_agent_collection_errors_total`. Nothing stands for a value that is not known. Values of
devices and pods older than 15 seconds are left out.

An `info` is a gauge that is always 1; its labels are what it tells. The tier is how often a value
is read at the least: **F** each second, **M** each 10 seconds, **S** each minute, **E** when an
event comes, **O** when the driver is opened.
"""

_SCOPES: Mapping[Scope, tuple[str, str]] = {
    "node": ("The node and the agent", "Whether the agent sees what it should."),
    "gpu": ("GPUs", "One series for each GPU, told once however many share it."),
    "mig": ("GPU instances (MIG)", "One series for each GPU instance, `gi`."),
    "pod": (
        "Pods",
        "What each pod uses of each GPU. With what ended pods had and the unattributed, it adds up "
        "to the GPU.",
    ),
    "allocation": ("Allocations", "Who was given what; to be joined on `node` and `uuid`."),
}

_DCGM = """
## dcgm-exporter's names

At `/dcgm/metrics` the agent serves the fields below under the names, units and labels of
dcgm-exporter, so that boards, alerts and cost tools go on as they are. `NEUROX_AGENT_DCGM` chooses:
`legacy` (default) is what the exporter had up to 4.8, `current` what it has since 4.9, `both`, or
`none`. The page costs nothing until it is asked for, and is no part of what Neurox's own Prometheus
stores. **D** marks what the exporter serves without being told to.

Labels are `gpu`, `UUID`, `pci_bus_id`, `device`, `modelName`, `Hostname` and
`DCGM_FI_DRIVER_VERSION` (current: `hostname`, `DCGM_FI_SYSTEM_DRIVER_VERSION`), for a GPU instance
`GPU_I_PROFILE` and `GPU_I_ID`, and where one pod holds the GPU alone `container`, `namespace` and
`pod`. A Prometheus that does not honour labels renames the last three to `exported_container`,
`exported_namespace` and `exported_pod`, as it does the exporter's.

A GPU that is lost has no rows but of its XIDs, which say why. With MIG, rows of the whole GPU name
a pod where that pod has every instance.

A GPU has one row for each field, with the GPU's own value, however many pods share it: a board
shows the GPU, and a sum counts it once. The exporter copies the value to every pod, and since 4.8.2
tells `GPU_UTIL` and `FB_USED` by pod as well; here `neurox_pod_gpu_sm_utilization_ratio`,
`neurox_pod_gpu_memory_used_bytes` and their like at `/metrics` tell what each pod has. Where GPU
instances have a value of their own, their rows stand in place of the GPU's.

`DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL`, `DCGM_FI_DEV_NVLINK_THROUGHPUT_BYTES_PER_SECOND` since 4.9, is
a rate, whatever its name and type say: draw it as it is, without `rate()`. The bytes counted are
`neurox_gpu_nvlink_bytes_total`.

`promtool check metrics` reads the page, and complains of names alone, which are the exporter's:
labels as `modelName`, and counters whose names do not end in `_total`.

`neurox-agent compare http://127.0.0.1:9400` lists what an exporter on the node serves and the agent
does not, with the reason.
"""

_REASONS = """
### What has no name here

"""


def page() -> str:
    """The whole page."""
    return "".join((_HEAD, *map(_scope, _SCOPES), _DCGM, _fields(FIELDS), _REASONS, *_reasons()))


def _scope(scope: Scope) -> str:
    title, words = _SCOPES[scope]
    labels = ", ".join(f"`{label}`" for label in SCOPE_LABELS[scope])
    head = _table("name", "type", "unit", "own labels", "tier", "from", "meaning")
    rows = (_metric(one) for one in METRICS.values() if one.scope == scope)
    return (
        f"\n## {title}\n\n{words} Labels: {labels}, then a metric's own.\n\n{head}{''.join(rows)}"
    )


def _metric(one: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in one.labels)
    return _row(f"`{one.name}`", one.type, one.unit, labels, one.tier, one.source, one.help)


def _fields(fields: Sequence[Field]) -> str:
    head = _table("up to 4.8", "unit", "since 4.9", "unit", "", "ours", "where it differs")
    return "\n" + head + "".join(map(_field, fields))


def _field(field: Field) -> str:
    old, new = field.legacy, field.current
    kind, labels = old.series
    own = ",".join(
        f'{name}="{value}"' for name, value in zip(METRICS[kind].labels, labels, strict=False)
    )
    ours = f"`{kind}{{{own}}}`" if own else f"`{kind}`"
    mark = "**D**" if old.default else ""
    return _row(f"`{old.name}`", old.unit, f"`{new.name}`", new.unit, mark, ours, old.differs)


def _reasons() -> Iterator[str]:
    yield _table("field or label", "why")
    for table in (FIELD_REASONS, LABEL_REASONS):
        yield from (_row(f"`{pattern}`", why) for pattern, why in table.rows if pattern != "*")


def _table(*columns: str) -> str:
    return _row(*columns) + f"|{'---|' * len(columns)}\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(_escaped(cells))} |\n"


def _escaped(cells: Iterable[str]) -> Iterator[str]:
    return (cell.replace("|", "\\|") for cell in cells)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command ``reference``."""
    parser = commands.add_parser(
        "reference",
        help="print the reference of all metrics, as Markdown",
        description="Print the reference of all metrics, as Markdown: name, type, unit, labels and "
        "source of each, and the names of dcgm-exporter that each has.",
    )
    parser.set_defaults(command=_print)


def _print(_: argparse.Namespace) -> int:
    sys.stdout.write(page())
    return 0
