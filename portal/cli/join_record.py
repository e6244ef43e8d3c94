"""One cluster's record, and a token for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from portal.cli.failure import CONFLICT, NOT_FOUND, CommandFailed
from portal.cli.join_file import Entry

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import ClusterOut, JoinOut


def known(client: "Client", name: str) -> "ClusterOut | None":
    """The cluster of that name; None when there is no record."""
    from portal.client import ApiError

    try:
        return client.clusters.get(name)
    except ApiError as error:
        if error.status != 404:
            raise
        return None


def change(client: "Client", entry: Entry, cluster: "ClusterOut", dry_run: bool = False) -> str:
    """Give the record what the entry says otherwise; what that was, in words; empty: nothing.

    A label that the entry does not name stays. ApiError.
    """
    from portal.schemas import ClusterChange

    news = ", ".join(_differences(entry, cluster))
    if not news:
        return ""
    asked = ClusterChange(
        description=entry.description or None, labels={**cluster.labels, **entry.labels}
    )
    client.clusters.change(cluster.name, asked, dry_run=dry_run)
    return f"{'would get' if dry_run else 'got'} {news}"


def _differences(entry: Entry, cluster: "ClusterOut") -> Iterator[str]:
    from portal.cli.text import clean

    was = cluster.description
    if entry.description and entry.description != was:
        instead = f" instead of {clean(was)!r}" if was else ""
        yield f"the description {clean(entry.description)!r}{instead}"
    for key, value in sorted(entry.labels.items()):
        if cluster.labels.get(key) != value:
            instead = f" instead of {key}={cluster.labels[key]}" if key in cluster.labels else ""
            yield f"the label {key}={value}{instead}"


def record(
    client: "Client", entry: Entry, cluster: "ClusterOut | None", dry_run: bool = False
) -> "JoinOut":
    """A new record, or a new token for one that is not connected. CommandFailed, ApiError."""
    from portal.schemas import ClusterIn, JoinIn

    if cluster and cluster.state == "connected":
        raise CommandFailed(
            f"a cluster {entry.name!r} is connected already; for another one choose another name.\n"
            "  One that was rebuilt or installed anew is shown as lost 45 s after its last report; "
            "then run the same command again",
            CONFLICT,
        )
    if cluster is not None:
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
