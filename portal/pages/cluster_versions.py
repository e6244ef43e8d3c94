"""Which clusters run another version than the control plane, and how to upgrade them."""

from importlib.metadata import version

from flask import Blueprint, Response, request

from portal.pages.caller import api
from portal.pages.links import if_known
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import ClusterOut

bp = Blueprint("cluster_versions", __name__)


@bp.get("/cluster-versions")
def show() -> Response:
    """The clusters of another version, by name, and the one command for all."""
    others = [cluster for cluster in api().clusters.all(sort="name") if is_other(cluster)]
    return page(
        "cluster_versions.html",
        query=Query.of("/cluster-versions", request.args, ("refresh",)),
        ours=version("neurox"),
        others=others,
        upgrade=if_known(api().clusters.upgrade, others[0].name) if others else None,
        simulated=any(cluster.simulated for cluster in others),
    )


def is_other(cluster: ClusterOut) -> bool:
    """Something that it runs is not of our version, as far as it has said."""
    return bool({cluster.manager_version, cluster.relay_version} - {None, version("neurox")})
