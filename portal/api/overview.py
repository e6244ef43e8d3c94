"""All that the first page shows but its chart, in one answer."""

from apiflask import APIBlueprint
from flask import Response, request

from controllers.domain.errors import NotFound
from controllers.domain.names import unknown
from portal.api import fleet
from portal.api.access import caller
from portal.api.answer import BadQuery, answer
from portal.api.losses import losses
from portal.api.shapes.overview import overview_out
from portal.api.stores import stores
from portal.schemas import OverviewOut

bp = APIBlueprint("overview", __name__, tag="Fleet")


@bp.get("/overview")
@bp.output(OverviewOut)
def overview() -> Response:
    """The fleet now; ``cluster`` narrows it to one or several, by comma."""
    for name in request.args:
        if name != "cluster":
            raise BadQuery(name[:60], str(unknown("query parameter", name[:60], ["cluster"])))
    chosen = [name for name in request.args.get("cluster", "").split(",") if name]
    seen = fleet.read(stores())
    for name in chosen:
        if seen.named(name) is None:
            raise NotFound(f"there is no cluster {name!r}")
    found = losses(stores(), seen, caller(), chosen)
    return answer(overview_out(seen, caller(), chosen, found))
