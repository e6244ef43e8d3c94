"""A question before what cannot be taken back."""

import sys

import typer

from portal.cli.failure import USAGE, CommandFailed


def confirm(question: str, yes: bool) -> None:
    """Go on only if the person, or ``--yes``, says so; Ctrl-C ends it as it ends anything."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandFailed("this needs --yes where nobody can be asked", USAGE)
    try:
        agreed = typer.confirm(question, err=True)
    except typer.Abort:
        raise KeyboardInterrupt from None
    if not agreed:
        raise CommandFailed("nothing was done")
