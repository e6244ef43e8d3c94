"""The clusters that do not report any more, each with all that tells why."""

from controllers.store.audit import Entry
from portal.api.fleet import Fleet, Reported
from portal.api.links import known
from portal.api.shapes.attention import SHOWN
from portal.api.shapes.cluster import state
from portal.api.shapes.loss import Loss
from portal.api.stores import Stores
from portal.auth.identity import Caller


def losses(stores: Stores, fleet: Fleet, caller: Caller, chosen: list[str]) -> list[Loss]:
    """Lost ones before revoked ones, no more than are told; who revoked is for admins to know."""
    seen = [r for r in fleet.clusters if not chosen or r.cluster.name in chosen]
    lost = [each for each in seen if state(each, fleet.now) == "lost"]
    revoked = [each for each in seen if state(each, fleet.now) == "revoked"]
    told = [*lost, *revoked][:SHOWN]
    deeds = stores.audit.all() if caller.admin and revoked else []
    return [Loss(known(stores, each), _revoker(deeds, each)) for each in told]


def _revoker(deeds: list[Entry], reported: Reported) -> str:
    of_it = (e for e in deeds if (e.cluster_id, e.action) == (reported.cluster.id, "revoke"))
    return next((entry.user for entry in of_it), "")
