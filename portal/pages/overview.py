"""The first page: is the fleet healthy, full and useful, right now?"""

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.charts import chart
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import ClusterOut, MapNode, OverviewOut

EPOCH = datetime.fromtimestamp(0, UTC)
KNOWN = ("cluster", "from", "refresh")
# Up to so many nodes each has a line of its own in the fleet map; above, they flow.
MOST_NODE_LINES = 16
# Nodes that make the map taller than the usual chart: each on a line, flowing, as squares.
TALL_LINES, TALL_FLOW, TALL_NODES = 10, 40, 400

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
    singly = all(node.gpus for node in fleet.map)
    lines = singly and len(fleet.map) <= MOST_NODE_LINES
    return page(
        "overview.html",
        query=query,
        fleet=fleet,
        clusters=[c.name for c in choices],
        map=by_cluster(fleet),
        singly=singly,
        lines=lines,
        # The chart beside the map grows with it: no hole below either.
        tall=len(fleet.map) > (TALL_LINES if lines else TALL_FLOW if singly else TALL_NODES),
        chart=chart("utilization", query, by="pool", cluster=cluster),
        stale=[c for c in fleet.clusters if c.state == "lost"],
        simulated=fleet.simulated,
    )


def by_cluster(fleet: OverviewOut) -> list[tuple[ClusterOut, list[MapNode]]]:
    """Each cluster that has nodes on the fleet map, with those."""
    nodes: dict[str, list[MapNode]] = {}
    for node in fleet.map:
        nodes.setdefault(node.cluster, []).append(node)
    return [(cluster, nodes[cluster.name]) for cluster in fleet.clusters if cluster.name in nodes]
