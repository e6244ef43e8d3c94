"""How each cluster is connected, and the check-list of its joining."""

import time

from apiflask import APIBlueprint
from flask import Response, current_app

from controllers.domain.errors import NotFound, Unreachable
from portal.api import fleet
from portal.api.answer import answer
from portal.api.promql import Scope
from portal.api.shapes.checks import Known, checks_out
from portal.api.shapes.link import link_out
from portal.api.stores import Stores, stores
from portal.api.thanos import Span, Thanos
from portal.schemas import ChecksOut, LinkOut

bp = APIBlueprint("links", __name__, tag="Fleet")
VERSIONS_MOST = 10


@bp.get("/clusters/<name>/checks")
@bp.output(ChecksOut)
def get_checks(name: str) -> Response:
    """Each stage of its joining, whether it is done, and what to do where it is not."""
    return answer(checks_out(known(stores(), _named(fleet.one(stores(), name), name))))


@bp.get("/clusters/<name>/link")
@bp.output(LinkOut)
def get_link(name: str) -> Response:
    """The connection now, what it carried, and how it came and went.

    Of a cluster that was removed, whose id is given, what it was.
    """
    reported = fleet.one(stores(), name) or fleet.removed(stores(), name)
    found = known(stores(), _named(reported, name))
    return answer(link_out(found, _agent_versions(found.reported.cluster.id)))


def known(stores: Stores, reported: fleet.Reported) -> Known:
    """All that is known of its joining and its link."""
    cluster_id = reported.cluster.id
    return Known(
        now=time.time(),
        reported=reported,
        link=stores.links.of(cluster_id),
        credential=reported.credential,
        failure=stores.states.failure(cluster_id),
    )


def _named(reported: fleet.Reported | None, name: str) -> fleet.Reported:
    if reported is None:
        raise NotFound(f"there is no cluster {name!r}")
    return reported


def _agent_versions(cluster_id: str) -> list[str]:
    """As their metrics tell; none while the metrics store does not answer."""
    now = int(time.time())
    thanos: Thanos = current_app.extensions["neurox.thanos"]
    asked = f"count by (version) (neurox_agent_build_info{Scope(cluster_id).matchers()})"
    try:
        lines = thanos.range(asked, Span(now, now, 1))
    except Unreachable:
        return []
    return sorted({line.labels.get("version", "")[:64] for line in lines})[:VERSIONS_MOST]
