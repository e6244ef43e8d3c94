"""Projects."""

from apiflask import APIBlueprint
from flask import Response

from portal.api import fleet
from portal.api.access import require_admin
from portal.api.answer import answer, dry_run, nothing
from portal.api.listing import Noun, listing
from portal.api.rules import project_of, refuse_if_used, users_of_project
from portal.api.shapes.policy import project_out
from portal.api.stores import stores
from portal.schemas import Page, ProjectIn, ProjectOut

bp = APIBlueprint("projects", __name__, tag="Policy")
NOUN = Noun("projects", ProjectOut, ("name",), ("groups", "pools", "namespace"), "name")


@bp.get("/projects")
@bp.output(Page[ProjectOut])
def list_projects() -> Response:
    """Every project and what it holds now."""
    seen = fleet.read(stores(), gpus=False)
    return listing(NOUN, (project_out(seen, each) for each in seen.projects.values()))


@bp.get("/projects/<name>")
@bp.output(ProjectOut)
def get_project(name: str) -> Response:
    """One project."""
    found = stores().projects.get(name)
    return answer(project_out(fleet.read(stores(), gpus=False), found))


@bp.put("/projects/<name>")
@bp.input(ProjectIn, arg_name="asked")
@bp.output(ProjectOut)
def put_project(name: str, asked: ProjectIn) -> Response:
    """Create or replace; admins only."""
    require_admin("write projects")
    made = project_of(fleet.read(stores(), gpus=False), name, asked)
    if not dry_run():
        stores().projects.put(name, made)
    return answer(project_out(fleet.read(stores(), gpus=False), made))


@bp.delete("/projects/<name>")
@bp.output({}, status_code=204)
def delete_project(name: str) -> Response:
    """Remove; admins only; 409 while something uses it."""
    require_admin("remove projects")
    stores().projects.get(name)
    refuse_if_used("project", name, users_of_project(fleet.read(stores(), gpus=False), name))
    if not dry_run():
        stores().projects.remove(name)
    return nothing()
