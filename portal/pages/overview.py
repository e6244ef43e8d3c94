"""The first page: is the fleet healthy, full and useful, right now?"""

from datetime import UTC, datetime
from itertools import groupby

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.charts import chart
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import GpuOut

EPOCH = datetime.fromtimestamp(0, UTC)
KNOWN = ("cluster", "from", "refresh")
# Up to so many nodes each has a line of its own in the fleet map; above, they flow.
MOST_NODE_LINES = 16

bp = Blueprint("overview", __name__)


@bp.get("/")
def show() -> Response:
    """Tiles, chart, fleet map, what needs attention, and the largest workloads."""
    query = Query.of("/", request.args, KNOWN)
    cluster = query.get("cluster")
    fleet = api().overview(cluster=cluster)
    query = query.reaching(min((c.created_at for c in fleet.clusters), default=EPOCH))
    choices = fleet.clusters
    if cluster:
        choices = api().clusters.list(limit=500).items
    return page(
        "overview.html",
        query=query,
        fleet=fleet,
        clusters=[c.name for c in choices],
        map=fleet_map(fleet.gpus),
        lines=len({(gpu.cluster, gpu.node) for gpu in fleet.gpus}) <= MOST_NODE_LINES,
        chart=chart("utilization", query, by="pool", cluster=cluster),
        stale=[c for c in fleet.clusters if c.state == "lost"],
        simulated=fleet.simulated,
    )


def fleet_map(gpus: list[GpuOut]) -> dict[str, dict[str, list[GpuOut]]]:
    """GPUs by cluster and node, in the order of their indices."""
    ordered = sorted(gpus, key=lambda gpu: (gpu.cluster, _natural(gpu.node), gpu.index))
    return {
        cluster: {node: list(held) for node, held in groupby(members, lambda gpu: gpu.node)}
        for cluster, members in groupby(ordered, lambda gpu: gpu.cluster)
    }


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """``gpu-2`` before ``gpu-10``."""
    parts = []
    for part in name.replace(".", "-").split("-"):
        parts.append((int(part), "") if part.isdecimal() and part.isascii() else (-1, part))
    return tuple(parts)
