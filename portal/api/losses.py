"""The clusters that do not report any more, each with all that tells why."""

from portal.api.fleet import Fleet
from portal.api.links import known
from portal.api.shapes.attention import SHOWN
from portal.api.shapes.cluster import state
from portal.api.shapes.loss import Loss
from portal.api.stores import Stores
from portal.auth.identity import Caller


def losses(stores: Stores, fleet: Fleet, caller: Caller, chosen: list[str]) -> list[Loss]:
    """Lost ones before revoked ones, no more than are told; who revoked is for admins to know."""
    seen = fleet.chosen(chosen)
    lost = [each for each in seen if state(each, fleet.now) == "lost"]
    revoked = [each for each in seen if state(each, fleet.now) == "revoked"]
    told = [*lost, *revoked][:SHOWN]
    return [
        Loss(known(stores, each), each.credential.revoked_by if caller.admin else "")
        for each in told
    ]
