"""Who is asking."""

from apiflask import APIBlueprint
from flask import Response

from portal.api.access import caller
from portal.api.answer import answer
from portal.schemas import Me

bp = APIBlueprint("me", __name__, tag="Sign-in")


@bp.get("/me")
@bp.output(Me)
def me() -> Response:
    """The caller's name, groups and rights."""
    who = caller()
    return answer(Me(name=who.name, groups=list(who.groups), admin=who.admin))
