"""The first page's figures: everything on it is counted from the same moment."""

from controllers.domain.workload import HOLDING
from portal.api.fleet import Fleet
from portal.api.shapes.attention import attention
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.fleet_map import fleet_map, stated
from portal.api.shapes.loss import Loss
from portal.api.shapes.tiles import tiles
from portal.api.shapes.values import age, at
from portal.api.shapes.workload import Row, rows, state, workload_out
from portal.auth.identity import Caller
from portal.schemas import OverviewOut

WORKLOADS_SHOWN = 20


def overview_out(
    fleet: Fleet, caller: Caller, chosen: list[str], losses: list[Loss]
) -> OverviewOut:
    """The overview of all clusters, or of those ``chosen`` by name."""
    seen = fleet.chosen(chosen)
    clusters = [cluster_out(fleet, reported) for reported in seen]
    gpus = [stated(fleet, reported) for reported in seen]
    nodes = fleet_map(fleet, zip(seen, gpus, strict=True))
    names = {reported.cluster.name for reported in seen}
    found = [
        r for r in rows(fleet) if not chosen or (r.reported and r.reported.cluster.name in names)
    ]
    return OverviewOut(
        generated_at=at(fleet.now),
        report_age_seconds=age(fleet.now, fleet.oldest_report(seen)),
        clusters=clusters,
        tiles=tiles(clusters, [each for some in gpus for each in some], map(state, found), chosen),
        map=nodes,
        attention=attention(seen, clusters, nodes, losses, fleet.now),
        workloads=[workload_out(fleet, each, caller) for each in top(found)],
        simulated=any(cluster.simulated for cluster in clusters),
    )


def top(found: list[Row]) -> list[Row]:
    """Those that hold most GPUs, then the newest."""

    def rank(each: Row) -> tuple[int, float]:
        return (each.source.gpus if state(each) in HOLDING else 0, each.submitted_at or 0.0)

    return sorted(found, key=rank, reverse=True)[:WORKLOADS_SHOWN]
