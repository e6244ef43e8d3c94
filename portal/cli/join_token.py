"""``neurox cluster tokens``, ``token`` and ``withdraw``: join tokens that nobody has used yet."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.confirmation import confirm
from portal.cli.credential import DryRunOption, JsonOption, YesOption, check_output
from portal.cli.get import OutputOption

if TYPE_CHECKING:
    from portal.schemas import JoinTokenOut

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="As Neurox calls it.")]


def token(name: NameArgument, output: JsonOption = None) -> None:
    """Show the join token of one cluster that nobody has used: by whom, and how long it is good."""
    from portal.cli import context as contexts
    from portal.cli.output import document

    check_output(output)
    with contexts.client() as client:
        found = client.clusters.waiting_join(name)
    if output == "json":
        sys.stdout.write(document(found.model_dump(mode="json"), "json"))
    else:
        sys.stdout.write(_sentence(name, found))


def tokens(output: OutputOption = "table") -> None:
    """List the join tokens of all clusters that nobody has used, soonest to end first.

    `neurox cluster withdraw NAME` makes one worthless.
    """
    from portal.cli import context as contexts
    from portal.cli.columns import JOIN_TOKENS
    from portal.cli.get import form_of, show_many

    form = form_of(output)
    with contexts.client() as client:
        show_many(client, JOIN_TOKENS, {}, None, form)


def withdraw(name: NameArgument, yes: YesOption = False, dry_run: DryRunOption = False) -> None:
    """Make the join token that nobody has used worthless; the cluster's key stays as it is."""
    from portal.cli import context as contexts

    if not dry_run:
        confirm(f"Withdraw the unused join token of cluster {name}?", yes)
    with contexts.client() as client:
        client.clusters.withdraw_join(name, dry_run=dry_run)
    sys.stdout.write(f"the join token of {name} {'would be' if dry_run else 'is'} withdrawn\n")


def _sentence(name: str, found: "JoinTokenOut") -> str:
    from portal.cli.text import clean, moment

    by = f"issued by {clean(found.issued_by)}" if found.issued_by else "issued by an installation"
    when = f" at {moment(found.issued_at)}" if found.issued_at else ""
    until = moment(found.expires_at) if found.expires_at else "its first use"
    use = "the cluster made anew" if found.rebuilt else "the cluster"
    return f"nxj_{found.id}: {by}{when}, not used, good until {until}, for {use} {clean(name)}\n"
