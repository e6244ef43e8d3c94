"""One cluster's record, and a token for it."""

from typing import TYPE_CHECKING

from portal.cli.failure import CONFLICT, NOT_FOUND, CommandFailed
from portal.cli.join_file import Entry

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import JoinOut


def state(client: "Client", name: str) -> str | None:
    """What the cluster is now; None when there is no record."""
    from portal.client import ApiError

    try:
        found = client.clusters.get(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return None
    return found.state


def kept(entry: Entry, made: "JoinOut") -> str:
    """What of the entry an existing record did not take, in words; empty: nothing."""
    cluster = made.cluster
    fields = {
        "description": bool(entry.description) and entry.description != cluster.description,
        "labels": bool(entry.labels) and entry.labels != cluster.labels,
    }
    differ = " and ".join(name for name, other in fields.items() if other)
    return f"keeps its {differ}; those given here are for a new record only" if differ else ""


def record(client: "Client", entry: Entry, known: str | None, dry_run: bool = False) -> "JoinOut":
    """A new record, or a new token for one that is not connected. CommandFailed, ApiError."""
    from portal.schemas import ClusterIn, JoinIn

    if known == "connected":
        raise CommandFailed(
            f"a cluster {entry.name!r} is connected already; for another one choose another name.\n"
            "  One that was rebuilt or installed anew is shown as lost 45 s after its last report; "
            "then run the same command again",
            CONFLICT,
        )
    if known is not None:
        asked = JoinIn(expires_seconds=entry.expires, rebuilt=entry.rebuilt)
        return client.clusters.join(entry.name, asked, dry_run=dry_run)
    if entry.rebuilt:
        raise CommandFailed(
            f"there is no cluster {entry.name!r} that could have been rebuilt; leave `rebuilt` "
            "out to make a new record",
            NOT_FOUND,
        )
    new = ClusterIn(
        name=entry.name,
        description=entry.description,
        labels=entry.labels,
        expires_seconds=entry.expires,
    )
    return client.clusters.create(new, dry_run=dry_run)
