"""One GPU: what it does, for whom, and how it fared."""

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.charts import chart
from portal.pages.query import Query
from portal.pages.rendering import page

bp = Blueprint("gpu", __name__)


@bp.get("/gpus/<uuid>")
def show(uuid: str) -> Response:
    """The GPU's readings now and over the page's range."""
    query = Query.of(request.path, request.args, ("from", "refresh"))
    gpu = api().gpus.get(uuid)
    query = query.reaching(api().clusters.get(gpu.cluster).created_at)
    return page(
        "gpu.html",
        query=query,
        gpu=gpu,
        charts=[chart(name, query, gpu=gpu.uuid) for name in ("utilization", "memory", "power")],
        simulated=gpu.simulated,
    )
