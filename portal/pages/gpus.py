"""One GPU: what it does, for whom, and how it fared."""

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.charts import Chart, charts
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import GpuOut

bp = Blueprint("gpu", __name__)

NO_LOSS = "low_utilization"
"""A reason for low clocks that costs no speed."""
TITLES = {
    "utilization": "Utilisation",
    "memory": "Memory used",
    "sm_active": "SM activity",
    "tensor_active": "Tensor activity",
    "power": "Power",
    "temperature": "Temperature",
}


@bp.get("/gpus/<uuid>")
def show(uuid: str) -> Response:
    """The GPU's readings now and over the page's range."""
    query = Query.of(request.path, request.args, ("from", "refresh"))
    gpu = api().gpus.get(uuid)
    query = query.reaching(api().clusters.get(gpu.cluster).created_at)
    drawn = _drawn(gpu)
    *shown, slowed = charts((*drawn, "throttled"), query, gpu=gpu.uuid)
    return page(
        "gpu.html",
        query=query,
        gpu=gpu,
        charts=list(zip(shown, map(TITLES.get, drawn), strict=True)),
        throttled=throttled(slowed),
        simulated=gpu.simulated,
    )


def _drawn(gpu: GpuOut) -> list[str]:
    """Without what a GPU that is read well does not have: its charts would stay empty."""
    live = gpu.state not in ("stale", "fault")
    lacks = {"sm_active": gpu.sm_active, "tensor_active": gpu.tensor_active}
    return [name for name in TITLES if not (live and name in lacks and lacks[name] is None)]


def throttled(chart: Chart) -> float | None:
    """Seconds of the chart's range by the reason that held the clocks back longest."""
    table = chart.table
    if table is None or not table.names or len(table.times) < 2:
        return None
    step = table.times[1] - table.times[0]
    # The first point tells of the time before the range.
    told = zip(table.names, table.columns, strict=True)
    held = [sum(s or 0.0 for s in column[1:]) for name, column in told if name != NO_LOSS]
    return step * max(held, default=0.0)
