"""The first page: is the fleet healthy, full and useful, right now?"""

from datetime import UTC, datetime

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.charts import chart
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import FRESH_SECONDS, ClusterOut, MapNode, OverviewOut

EPOCH = datetime.fromtimestamp(0, UTC)
KNOWN = ("cluster", "from", "refresh")
# Up to so many nodes each has a line of its own in the fleet map; above, they flow.
MOST_NODE_LINES = 16
# Lines of text that fit beside the usual chart; what is longer gets a taller one beside it.
USUAL_LINES = 9

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
        map=by_cluster(fleet),
        singly=are_single(fleet),
        lines=on_lines(fleet),
        tall=beside(fleet) > USUAL_LINES,
        chart=chart("utilization", query, by="pool", cluster=cluster),
        stale=[c for c in fleet.clusters if (c.report_age_seconds or 0.0) > FRESH_SECONDS],
        simulated=fleet.simulated,
    )


def by_cluster(fleet: OverviewOut) -> list[tuple[ClusterOut, list[MapNode]]]:
    """Each cluster that has nodes on the fleet map, with those."""
    nodes: dict[str, list[MapNode]] = {}
    for node in fleet.map:
        nodes.setdefault(node.cluster, []).append(node)
    return [(cluster, nodes[cluster.name]) for cluster in fleet.clusters if cluster.name in nodes]


def are_single(fleet: OverviewOut) -> bool:
    """The map shows each GPU; of a large fleet the API tells the nodes only."""
    return all(node.gpus for node in fleet.map)


def on_lines(fleet: OverviewOut) -> bool:
    """Each node of the map has a line of its own."""
    return are_single(fleet) and len(fleet.map) <= MOST_NODE_LINES


def beside(fleet: OverviewOut) -> float:
    """How high the column beside the chart is, in about the lines of a small map.

    A map of nodes has the whole width, below the chart.
    """
    across = 1.0 if on_lines(fleet) else 4.0
    lines = len(fleet.map) / across + len(fleet.clusters) if are_single(fleet) else 0.0
    return lines + 1.7 * len(fleet.attention)
