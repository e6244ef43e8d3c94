"""How a cluster is connected: its check-list, and what an administrator can do about its key."""

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, render_template

from portal.client import ApiError
from portal.pages.caller import api

bp = Blueprint("link", __name__)
Told = TypeVar("Told")


@bp.get("/clusters/<name>/checks")
def checks(name: str) -> str:
    """Only the check-list, which asks for itself again until all of it is done."""
    return render_template("pages/checks.html", checks=api().clusters.checks(name))


def if_known(call: Callable[[str], Told], name: str) -> Told | None:
    """The answer; None when there is none, or the API is older than we and has no such address."""
    try:
        return call(name)
    except ApiError as error:
        if error.status not in (404, 405):
            raise
        return None
