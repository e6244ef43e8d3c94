"""Quotas: GPUs of a pool guaranteed to a group."""

from apiflask import APIBlueprint
from flask import Response

from controllers.domain.errors import NotFound
from controllers.domain.policy import Quota
from portal.api import fleet
from portal.api.access import require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.rules import check_quota
from portal.api.shapes.policy import quota_out
from portal.api.stores import stores
from portal.schemas import Page, QuotaIn, QuotaOut

bp = APIBlueprint("quotas", __name__, tag="Policy")
QUOTAS = Noun("quotas", QuotaOut, ("pool", "group"), ("pool", "group"), "pool")


@bp.get("/quotas")
@bp.output(Page[QuotaOut])
def list_quotas() -> Response:
    """Every guarantee and how much of the pool its group holds."""
    seen = fleet.read(stores(), gpus=False)
    return listing(QUOTAS, (quota_out(seen, quota) for quota in seen.quotas.values()))


@bp.get("/quotas/<pool>/<group>")
@bp.output(QuotaOut)
def get_quota(pool: str, group: str) -> Response:
    """One guarantee."""
    seen = fleet.read(stores(), gpus=False)
    quota = seen.quotas.get(_name(pool, group))
    if quota is None:
        raise NotFound(f"group {group!r} has no quota in pool {pool!r}")
    return answer(quota_out(seen, quota))


@bp.put("/quotas/<pool>/<group>")
@bp.input(QuotaIn, arg_name="asked")
@bp.output(QuotaOut)
def put_quota(pool: str, group: str, asked: QuotaIn) -> Response:
    """Guarantee that many GPUs; 0 removes the guarantee. Admins only."""
    require_admin("write quotas")
    seen, made, dry = fleet.read(stores(), gpus=False), Quota(pool, group, asked.gpus), dry_run()

    def decide(quotas: dict[str, Quota]) -> dict[str, Quota]:
        check_quota(seen, made, quotas.values())
        rest = {name: quota for name, quota in quotas.items() if name != _name(pool, group)}
        return rest | ({_name(pool, group): made} if made.gpus else {})

    if dry:
        decide(seen.quotas)
    else:
        stores().quotas.change(decide)
    return answer(quota_out(seen, made))


@bp.delete("/quotas/<pool>/<group>")
@bp.output({}, status_code=204)
def delete_quota(pool: str, group: str) -> Response:
    """Guarantee nothing any more. Admins only."""
    require_admin("remove quotas")
    stores().quotas.get(_name(pool, group))
    if not dry_run():
        stores().quotas.remove(_name(pool, group))
    return nothing()


def _name(pool: str, group: str) -> str:
    """What quotas are stored under: no name holds a slash."""
    return f"{pool}/{group}"
