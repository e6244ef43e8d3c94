"""Groups of users."""

from apiflask import APIBlueprint
from flask import Response

from controllers.domain.policy import Group
from portal.api import fleet
from portal.api.access import require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.rules import refuse_if_used, users_of_group
from portal.api.shapes.policy import group_out
from portal.api.stores import stores
from portal.records import require_name
from portal.schemas import GroupIn, GroupOut, Page

bp = APIBlueprint("groups", __name__, tag="Policy")
NOUN = Noun("groups", GroupOut, ("name",), ("members", "projects"), "name")


@bp.get("/groups")
@bp.output(Page[GroupOut])
def list_groups() -> Response:
    """Every group and what it holds now."""
    seen = fleet.read(stores(), gpus=False)
    return listing(NOUN, (group_out(seen, each) for each in seen.groups.values()))


@bp.get("/groups/<name>")
@bp.output(GroupOut)
def get_group(name: str) -> Response:
    """One group."""
    found = stores().groups.get(name)
    return answer(group_out(fleet.read(stores(), gpus=False), found))


@bp.put("/groups/<name>")
@bp.input(GroupIn, arg_name="asked")
@bp.output(GroupOut)
def put_group(name: str, asked: GroupIn) -> Response:
    """Create or replace; admins only."""
    require_admin("write groups")
    made = Group(require_name(name), asked.description)
    if not dry_run():
        stores().groups.put(name, made)
    return answer(group_out(fleet.read(stores(), gpus=False), made))


@bp.delete("/groups/<name>")
@bp.output({}, status_code=204)
def delete_group(name: str) -> Response:
    """Remove; admins only; 409 while something uses it."""
    require_admin("remove groups")
    stores().groups.get(name)
    refuse_if_used("group", name, users_of_group(fleet.read(stores(), gpus=False), name))
    if not dry_run():
        stores().groups.remove(name)
    return nothing()
