"""GPUs."""

from apiflask import APIBlueprint
from flask import Response

from controllers.domain.errors import NotFound
from portal.api import fleet
from portal.api.answer import answer
from portal.api.listing import Noun, listing
from portal.api.shapes.gpu import gpu_out
from portal.api.stores import stores
from portal.schemas import GpuOut, Page

bp = APIBlueprint("gpus", __name__, tag="Fleet")
FILTERS = (
    *("cluster", "pool", "node", "state", "xid_24h"),
    *("user", "workload_id", "workload", "model"),
)
GPUS = Noun("gpus", GpuOut, ("cluster", "node", "index", "uuid"), FILTERS, "cluster")


@bp.get("/gpus")
@bp.output(Page[GpuOut])
def list_gpus() -> Response:
    """Every GPU that was sampled in the last day; readings older than 45 s are null."""
    seen = fleet.read(stores())
    return listing(GPUS, (gpu_out(seen, r, gpu) for r in seen.clusters for gpu in r.gpus))


@bp.get("/gpus/<uuid>")
@bp.output(GpuOut)
def get_gpu(uuid: str) -> Response:
    """One GPU; where several clusters have told of it, as the last one did."""
    seen = fleet.read(stores())
    told = [(r, gpu) for r in seen.clusters for gpu in r.gpus if gpu.uuid == uuid]
    if not told:
        raise NotFound(f"there is no GPU {uuid!r}")
    return answer(gpu_out(seen, *max(told, key=lambda each: each[1].sampled_at)))
