"""Node pools."""

from apiflask import APIBlueprint
from flask import Response

from controllers.domain.policy import NodePool
from portal.api import fleet
from portal.api.access import require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.rules import check_pool, refuse_if_used, users_of_pool
from portal.api.shapes.policy import pool_out
from portal.api.stores import stores
from portal.schemas import Page, PoolIn, PoolOut

bp = APIBlueprint("pools", __name__, tag="Policy")
NOUN = Noun("pools", PoolOut, ("name",), ("clusters", "models"), "name")


@bp.get("/pools")
@bp.output(Page[PoolOut])
def list_pools() -> Response:
    """Every pool and what it holds now."""
    seen = fleet.read(stores())
    return listing(NOUN, (pool_out(seen, each) for each in seen.pools.values()))


@bp.get("/pools/<name>")
@bp.output(PoolOut)
def get_pool(name: str) -> Response:
    """One pool."""
    found = stores().pools.get(name)
    return answer(pool_out(fleet.read(stores()), found))


@bp.put("/pools/<name>")
@bp.input(PoolIn, arg_name="asked")
@bp.output(PoolOut)
def put_pool(name: str, asked: PoolIn) -> Response:
    """Create or replace; admins only."""
    require_admin("write pools")
    check_pool(name, asked)
    made = NodePool(name, dict(asked.selector), asked.description)
    if not dry_run():
        stores().pools.put(name, made)
    return answer(pool_out(fleet.read(stores()), made))


@bp.delete("/pools/<name>")
@bp.output({}, status_code=204)
def delete_pool(name: str) -> Response:
    """Remove; admins only; 409 while something uses it."""
    require_admin("remove pools")
    stores().pools.get(name)
    refuse_if_used("pool", name, users_of_pool(fleet.read(stores(), gpus=False), name))
    if not dry_run():
        stores().pools.remove(name)
    return nothing()
