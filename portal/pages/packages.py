"""The chart that a joining cluster installs; it holds no secret, so nobody has to sign in."""

from flask import Blueprint, Response, current_app
from werkzeug.exceptions import NotFound

from portal import workload_chart
from portal.pages.settings import Place

bp = Blueprint("packages", __name__)


@bp.get("/charts/<name>")
def chart(name: str) -> Response:
    """The chart of this very version, as `helm install` takes it by URL."""
    place: Place = current_app.extensions["neurox_pages"]
    if place.charts_dir is None or name != workload_chart.file_name(place.charts_dir):
        raise NotFound("Neurox serves the workload chart of its own version only")
    answer = Response(workload_chart.packed(place.charts_dir), content_type="application/gzip")
    answer.headers["Cache-Control"] = "no-cache"
    return answer
