"""A page that asks an administrator before something is done to one cluster."""

from typing import Any

from flask import Response, url_for

from portal.pages.caller import me
from portal.pages.query import Query
from portal.pages.rendering import page
from portal.schemas import ClusterOut


def question(
    what: str,
    cluster: ClusterOut,
    at_fault: dict[str, str] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    """The page of that name and what it shows; its form is sent to the same address."""
    return page(
        f"{what}.html",
        query=Query(f"/clusters/{cluster.name}/{what}", {"refresh": "off"}),
        status=status,
        cluster=cluster,
        simulated=cluster.simulated,
        subject=(cluster.name, url_for("cluster.show", name=cluster.name)),
        what=what,
        allowed=me().admin,
        at_fault=at_fault or {},
        **more,
    )
