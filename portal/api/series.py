"""Charts: columns of numbers over time, out of Thanos."""

import time
from dataclasses import dataclass, replace

from apiflask import APIBlueprint
from flask import Response, current_app, request

from controllers.domain.errors import NotFound
from controllers.domain.names import unknown
from portal.api import fleet, promql, subject
from portal.api.answer import BadQuery, answer
from portal.api.promql import LINE
from portal.api.span import span
from portal.api.stores import stores
from portal.api.subject import Subject
from portal.api.thanos import Line, Span, Thanos
from portal.schemas import Series

bp = APIBlueprint("series", __name__, tag="Charts")

PARAMETERS = ("from", "to", "step", "by", "cluster", "node", "gpu", "workload")
ALLOCATION = "neurox_pod_gpu_allocation_info"
GIVEN = ("", "exclusive", "timeslice", "mps", "mig", "dra")
"""How a pod was given a GPU; none is one that uses it without."""
RATE_SECONDS = 60
"""A shorter window may hold no two samples of a counter that is read each ten seconds."""


@dataclass(frozen=True)
class Measure:
    """A chart's metric, its unit, and how several GPUs make one line."""

    metric: str
    unit: str
    together: str
    label: str = ""
    """Draws a line a value of this label, of a counter of seconds: the share of the time."""


MEASURES = {
    "utilization": Measure("neurox_gpu_utilization_ratio", "ratio", "avg"),
    "sm_active": Measure("neurox_gpu_sm_active_ratio", "ratio", "avg"),
    "tensor_active": Measure("neurox_gpu_tensor_active_ratio", "ratio", "avg"),
    "throttled": Measure("neurox_gpu_throttled_seconds_total", "ratio", "avg", "reason"),
    "memory": Measure("neurox_gpu_memory_used_bytes", "bytes", "sum"),
    "power": Measure("neurox_gpu_power_watts", "W", "sum"),
    "temperature": Measure("neurox_gpu_temperature_celsius", "°C", "max"),
    "gpus": Measure(ALLOCATION, "GPUs", "count"),
}


@bp.get("/series/<name>")
@bp.output(Series)
def get_series(name: str) -> Response:
    """One chart: for one gpu, node or workload a line a GPU; else a line a pool or cluster."""
    if name not in MEASURES:
        raise NotFound(str(unknown("series", name, MEASURES)))
    for parameter in request.args:
        if parameter not in PARAMETERS:
            raise BadQuery(parameter[:60], str(unknown("query parameter", parameter, PARAMETERS)))
    args = request.args
    since, until = args.get("from", "-1h"), args.get("to", "now")
    times = span(since, until, args.get("step"), time.time())
    seen = fleet.read(stores(), gpus=subject.by_gpu(args), removed=True)
    chosen = subject.subject(seen, args)
    thanos: Thanos = current_app.extensions["neurox.thanos"]
    lines = thanos.range(expression(MEASURES[name], chosen, times.step), times) if chosen else []
    return answer(columns(MEASURES[name], chosen, lines, times))


def expression(measure: Measure, chosen: Subject, step: int) -> str:
    """The one query that draws the chart."""
    if measure.label:
        return _shares(measure, chosen, step)
    if _singly(measure, chosen):
        return _each_gpu(measure, chosen, step)
    lines = {line: chosen.pods or scopes for line, scopes in chosen.lines.items()}
    drawn = {line: _summed(measure, scopes, step) for line, scopes in lines.items()}
    return promql.together(promql.named(text, line) for line, text in drawn.items())


def _singly(measure: Measure, chosen: Subject) -> bool:
    """A line a GPU; to count GPUs singly would say nothing."""
    return chosen.each_gpu and measure.metric != ALLOCATION and not measure.label


def _shares(measure: Measure, chosen: Subject, step: int) -> str:
    """All that is chosen together, a line a value of the label."""
    scopes = [scope for line in chosen.lines.values() for scope in line]
    window = f"[{max(step, RATE_SECONDS)}s]"
    each = " or ".join(f"rate({measure.metric}{scope.matchers()}{window})" for scope in scopes)
    if chosen.pods:
        each = f"({each}) and on (tenant_id, node, uuid) {_allocated(chosen.pods, step)}"
    return f"{measure.together} by ({measure.label}) ({each})"


def _summed(measure: Measure, scopes: list[promql.Scope], step: int) -> str:
    if measure.metric == ALLOCATION:
        return f"count({_allocated(scopes, step)})"
    return f"{measure.together}({promql.selected(measure.metric, scopes, step)})"


def _allocated(scopes: list[promql.Scope], step: int) -> str:
    given = [replace(scope, one_of={**scope.one_of, "mode": GIVEN}) for scope in scopes]
    info = promql.selected(ALLOCATION, given, step, "max")
    return f"max by (tenant_id, node, uuid) ({info})"


def _each_gpu(measure: Measure, chosen: Subject, step: int) -> str:
    [(_, scopes)] = chosen.lines.items()
    kept = "tenant_id, node, uuid, gpu"
    values = f"max by ({kept}) ({promql.selected(measure.metric, scopes, step)})"
    if not chosen.pods:
        return values
    # Only while the workload held the GPU: others had it before and after.
    held = _allocated(chosen.pods, step)
    return f"{values} and on (tenant_id, node, uuid) {held}"


def columns(measure: Measure, chosen: Subject, lines: list[Line], times: Span) -> Series:
    """The lines in the order they were asked for; one without any value is a column of nulls."""
    if measure.label:
        found = {line.labels.get(measure.label, ""): line.values for line in lines}
        order = sorted(found)
    elif _singly(measure, chosen):
        found = _by_gpu(lines)
        order = sorted(found, key=_natural)
    else:
        found = {line.labels.get(LINE, ""): line.values for line in lines}
        order = list(chosen.lines)
    empty: list[float | None] = [None] * len(times.times)
    return Series(
        unit=measure.unit,
        times=times.times,
        names=order,
        columns=[found.get(name, empty) for name in order],
    )


def _by_gpu(lines: list[Line]) -> dict[str, list[float | None]]:
    """By node and index; the uuid is added where two clusters have a node of one name."""
    found: dict[str, list[float | None]] = {}
    for line in lines:
        name = f"{line.labels.get('node', '')} GPU {line.labels.get('gpu', '')}"
        if name in found:
            name += f" {line.labels.get('uuid', '')}"
        found[name] = line.values
    return found


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in name.replace("-", " ").split()]
