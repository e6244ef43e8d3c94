"""``neurox cluster rotate`` and ``revoke``: the keys by which clusters are let in."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.confirmation import confirm
from portal.cli.failure import DENIED, FAILED, PARTIAL, USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import ClusterOut

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]
JsonOption = Annotated[
    str | None, typer.Option("-o", "--output", help="json: the same, for programs.")
]


def rotate(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="As Neurox calls them.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Each cluster that has a key.")] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: JsonOption = None,
) -> None:
    """Have clusters replace their keys; one that is not connected does so when it is back."""
    from portal.cli import context as contexts
    from portal.cli import output as out

    check_output(output)
    if bool(names) is every:
        raise CommandFailed("name the clusters, or say --all", USAGE)
    with contexts.client() as client:
        chosen = list(dict.fromkeys(names or _with_keys(client)))
        if not dry_run and chosen:
            confirm(f"Replace the keys of {', '.join(chosen)}?", yes)
        done, failed = _rotated(client, chosen, dry_run)
    _show(done, output, "would be asked" if dry_run else "is asked", "for a new key")
    if not chosen:
        out.note("No cluster has a key yet; each makes one when it joins.")
    if failed:
        code = PARTIAL if done else failed[0].exit_code
        raise CommandFailed("\n  ".join(map(str, failed)), code)


def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As Neurox calls it.")],
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    output: JsonOption = None,
) -> None:
    """Take a cluster's access back; what runs there goes on, and a new join token lets it in."""
    from portal.cli import context as contexts

    check_output(output)
    if not dry_run:
        confirm(f"Cut cluster {name} off until it joins by a new token?", yes)
    with contexts.client() as client:
        found = client.clusters.revoke(name, dry_run=dry_run)
    _show([found], output, "would be cut off" if dry_run else "is cut off", "within ten seconds")


def check_output(output: str | None) -> None:
    """Refuse what ``JsonOption`` does not take."""
    if output not in (None, "json"):
        raise CommandFailed(f"-o {output} is unknown here; the choice is json", USAGE)


def _with_keys(client: "Client") -> list[str]:
    return [each.name for each in client.clusters.all() if each.credential.key_id]


def _rotated(
    client: "Client", names: list[str], dry_run: bool
) -> tuple[list["ClusterOut"], list[CommandFailed]]:
    """Those that were asked, and why each of the others was not; what fails for all ends it."""
    from portal.cli.refusal import told

    done, failed = [], []
    for number, name in enumerate(names):
        try:
            with told():
                done.append(client.clusters.rotate(name, dry_run=dry_run))
        except CommandFailed as failure:
            failed.append(failure)
            if failure.exit_code not in (DENIED, FAILED):
                continue
            if len(names) > 1:
                left = ", ".join(names[number:])
                failed.append(CommandFailed(f"not asked: {left}; run the command again for them"))
            break
    return done, failed


def _show(found: list["ClusterOut"], output: str | None, verb: str, rest: str) -> None:
    from portal.cli import output as out

    if output == "json":
        items = [each.model_dump(mode="json", by_alias=True) for each in found]
        sys.stdout.write(out.document({"items": items}, "json"))
        return
    for each in found:
        sys.stdout.write(f"{each.name} {verb} {rest}\n")
