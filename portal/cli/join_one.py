"""One cluster's join Secret: put into the cluster, or shown with what installs the chart."""

import sys
from typing import TYPE_CHECKING

from portal.cli.failure import CommandFailed

if TYPE_CHECKING:
    from portal.cli.join_file import Entry
    from portal.client import Client
    from portal.schemas import ClusterOut, JoinOut


def join_one(entry: "Entry", context: str | None, dry_run: bool, form: str | None) -> None:
    """Make its record or a new token for it. CommandFailed, with what to do next."""
    from portal.cli import context as contexts
    from portal.cli import kubectl, output
    from portal.cli.join_record import known, record

    if context:
        kubectl.check(context)
    name = entry.name
    with contexts.client() as client:
        found = known(client, name)
        if found and _is_described(client, entry, found, dry_run, bool(context or form)):
            return
        made = record(client, entry, found, dry_run)
    if dry_run:
        if form == "json":
            _print(made, form)
        what = "get a new token" if found else "be made"
        where = f"applied to {context}" if context else "printed"
        output.note(f"{name} would {what}, and its join Secret {where}; nothing was done.")
        return
    if context is None:
        _show(made, form)
        return
    try:
        kubectl.apply_secret(context, made.secret)
    except CommandFailed as failed:
        again = f"{name} is made; run the same command again when this is solved"
        raise CommandFailed(f"{failed}\n  {again}", failed.exit_code) from None
    if form:
        _print(made, form)
    output.note(f"The join Secret is in {context}. {_next(name)}")
    if made.helm:
        output.note(f"To install the chart:\n{made.helm.rstrip()}")


def _is_described(
    client: "Client", entry: "Entry", cluster: "ClusterOut", dry_run: bool, for_secret: bool
) -> bool:
    """Change the record as the entry says; whether that was all, for a connected cluster."""
    from portal.cli import output
    from portal.cli.join_record import change

    connected = cluster.state == "connected"
    if connected and (entry.rebuilt or for_secret or not (entry.description or entry.labels)):
        return False
    news = change(client, entry, cluster, dry_run)
    if connected:
        news = f"{news or 'has that already'}; it is connected and needs no token"
    if news:
        output.note(f"{cluster.name} {news}.")
    return connected


def _print(made: "JoinOut", form: str) -> None:
    from portal.cli import output

    text = made.secret
    if form == "json":
        text = output.document(made.model_dump(mode="json", by_alias=True), "json")
    sys.stdout.write(text)
    sys.stdout.flush()


def _show(made: "JoinOut", form: str | None) -> None:
    from portal.cli import output

    _print(made, form or "yaml")
    if form != "json":
        output.note(f"\n{made.command.rstrip()}")
    if form is None:
        output.note(f"\n# Or with Pulumi, instead of all of that:\n{made.pulumi.rstrip()}")
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC"
    output.note(f"\nThe token works once, until {until}. {_next(made.cluster.name)}")


def _next(name: str) -> str:
    return (
        "Once the chart neurox-workload runs there, it joins by itself; "
        f"`neurox cluster status {name} --watch` shows how far it is."
    )
