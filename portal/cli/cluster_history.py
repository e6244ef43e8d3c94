"""``neurox cluster history``: how a cluster came and went, and who did what to it."""

import sys
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.credential import JsonOption, check_output

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import ClusterOut


@dataclass(frozen=True)
class Event:
    """One line of the history."""

    at: datetime
    what: str
    by: str
    reason: str = ""


def history(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="As Neurox calls it; of a removed one, its id."),
    ],
    output: JsonOption = None,
) -> None:
    """Show how a cluster's connection came and went and, to admins, who did what to it."""
    from portal.cli import context as contexts
    from portal.cli.columns import Column, field
    from portal.cli.output import document, note, table
    from portal.cli.text import moment

    check_output(output)
    with contexts.client() as client:
        found = events(client, client.clusters.get(name))
    if output == "json":
        plain = [{**vars(each), "at": each.at.isoformat()} for each in found]
        sys.stdout.write(document({"items": plain}, "json"))
        return
    if not found:
        note("Nothing is known of it: it has not connected yet.")
        return
    columns = [Column("TIME", lambda each: moment(each.at)), *map(field, ("what", "by", "reason"))]
    sys.stdout.write(table(columns, found))


def events(client: "Client", cluster: "ClusterOut") -> list[Event]:
    """Newest first."""
    from portal.client import ApiError

    address = cluster.id if cluster.removed_at else cluster.name
    turns = client.clusters.link(address).history
    found = [
        Event(turn.at, "connected" if turn.connected else "lost", turn.replica, turn.reason)
        for turn in turns
    ]
    try:
        found += [Event(d.at, d.action, d.user) for d in client.audit.all(cluster_id=cluster.id)]
    except ApiError as error:
        if error.status != 403:
            raise
    return sorted(found, key=lambda event: event.at, reverse=True)
