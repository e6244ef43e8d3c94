"""The keys of clusters: replaced and taken back by admins, each with an entry in the audit."""

from apiflask import APIBlueprint
from flask import Response

from controllers.domain.errors import Conflict, NotFound
from controllers.relay import join
from controllers.store.audit import Entry
from portal.api import fleet
from portal.api.access import caller, require_admin
from portal.api.answer import answer, dry_run
from portal.api.listing import Noun, listing
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.values import at
from portal.api.stores import stores
from portal.schemas import AuditOut, ClusterOut, Page

bp = APIBlueprint("credentials", __name__, tag="Fleet")
AUDIT = Noun("audit", AuditOut, ("id",), ("user", "action", "cluster", "cluster_id"), "-id")


@bp.post("/clusters/<name>/rotate")
@bp.output(ClusterOut)
def rotate(name: str) -> Response:
    """Have the cluster replace its key; it does so once it is connected. Admins only."""
    require_admin("rotate keys")
    reported = _named(name)
    if reported.credential.current is None:
        raise Conflict(f"cluster {name!r} has no key to replace; it is to join first")
    if not dry_run():
        join.ask_rotation(stores().redis, reported.cluster.id)
        stores().audit.note(caller().name, "rotate", reported.cluster)
    return _shown(name)


@bp.post("/clusters/<name>/revoke")
@bp.output(ClusterOut)
def revoke(name: str) -> Response:
    """Take the cluster's keys and join token back; its record and history stay. Admins only.

    Connections are cut and metrics refused within ten seconds; a new join token lets it in again.
    """
    require_admin("revoke keys")
    reported = _named(name)
    if not dry_run():
        join.revoke(stores().redis, reported.cluster.id, caller().name)
        stores().audit.note(caller().name, "revoke", reported.cluster)
    return _shown(name)


@bp.get("/audit")
@bp.output(Page[AuditOut])
def list_audit() -> Response:
    """Who did what to clusters: tokens, keys, edits, removals. Admins only."""
    require_admin("read the audit")
    return listing(AUDIT, map(_entry_out, stores().audit.all()))


def _entry_out(entry: Entry) -> AuditOut:
    return AuditOut(
        id=entry.id,
        at=at(entry.at),
        user=entry.user,
        action=entry.action,
        cluster=entry.cluster,
        cluster_id=entry.cluster_id,
    )


def _named(name: str) -> fleet.Reported:
    found = fleet.one(stores(), name)
    if found is None:
        raise NotFound(f"there is no cluster {name!r}")
    return found


def _shown(name: str) -> Response:
    seen = fleet.read(stores(), only=name)
    found = seen.named(name)
    if found is None:
        raise NotFound(f"cluster {name!r} was removed meanwhile")
    return answer(cluster_out(seen, found))
