"""``neurox cluster``: join, list and remove clusters, and let one leave."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.failure import CONFLICT, USAGE, CommandFailed
from portal.cli.get import OutputOption
from portal.cli.leave import leave

if TYPE_CHECKING:
    from portal.client import Client
    from portal.schemas import JoinOut

app = typer.Typer()
cluster = typer.Typer(no_args_is_help=True, help="Join, list and remove clusters; leave.")
app.add_typer(cluster, name="cluster")
cluster.command()(leave)
# `--context` of join and leave names a cluster of yours; NEUROX_CONTEXT says which Neurox.


@cluster.command()
def join(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the cluster in Neurox.")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option("--context", help="Context of your kubeconfig: the cluster to join."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="Apply a join Secret that you were given; - reads it."),
    ] = None,
    print_secret: Annotated[
        bool, typer.Option("--print-secret", help="Print the Secret instead of applying it.")
    ] = False,
    description: Annotated[str, typer.Option(help="Description, for people.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", help="yaml: the Secret, as --print-secret. json: all of it."
        ),
    ] = None,
) -> None:
    """Let a Kubernetes cluster join: make its record and put the join Secret into it."""
    if output not in (None, "yaml", "json"):
        raise CommandFailed(f"-o {output} is unknown here; choose yaml or json", USAGE)
    if secret is not None:
        _apply_given(secret, context, dry_run)
        return
    if name is None:
        raise CommandFailed("give the cluster a name: `neurox cluster join NAME`", USAGE)
    show = print_secret or output is not None
    if not show and context is None and not dry_run:
        raise CommandFailed(
            "say where the cluster is: --context KUBECONTEXT, or --print-secret to pipe the "
            "Secret to kubectl yourself",
            USAGE,
        )
    _join(name, description, None if show else context, dry_run, output == "json")


@cluster.command("list")
def list_clusters(
    output: OutputOption = "table",
) -> None:
    """List the clusters, as `neurox get clusters` does."""
    from portal.cli.get import get

    get("clusters", output=output)


@cluster.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As Neurox calls it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget a cluster and revoke its credential; what runs there goes on running."""
    from portal.cli import context as contexts

    if not yes:
        if not sys.stdin.isatty():
            raise CommandFailed(f"removing {name} needs --yes where nobody can be asked", USAGE)
        typer.confirm(f"Forget cluster {name} and revoke its credential?", abort=True, err=True)
    with contexts.client() as client:
        client.clusters.delete(name)
    sys.stdout.write(f"{name} is removed\n")


def _join(name: str, description: str, context: str | None, dry_run: bool, as_json: bool) -> None:
    from portal.cli import context as contexts
    from portal.cli import kubectl, output

    if context:
        kubectl.check(context)
    with contexts.client() as client:
        if dry_run:
            client.clusters.create(name, description, dry_run=True)
            where = f"applied to {context}" if context else "printed"
            output.note(f"{name} would be made, and its join Secret {where}; nothing was done.")
            return
        made = _record(client, name, description)
    if context is None:
        _show(made, as_json)
        return
    try:
        kubectl.apply_secret(context, made.secret)
    except CommandFailed as failed:
        again = f"{name} is made; run the same command again when this is solved"
        raise CommandFailed(f"{failed}\n  {again}", failed.exit_code) from None
    output.note(f"The join Secret is in {context}. {_next(name)}")


def _show(made: "JoinOut", as_json: bool) -> None:
    from portal.cli import output

    if as_json:
        sys.stdout.write(output.document(made.model_dump(mode="json", by_alias=True), "json"))
    else:
        sys.stdout.write(made.secret)
        output.note(made.command.rstrip())
    next_step = _next(made.cluster.name)
    output.note(f"The token works once, until {made.expires_at:%H:%M} UTC. {next_step}")


def _record(client: "Client", name: str, description: str) -> "JoinOut":
    """A new record, or a new token for one that is not connected."""
    from portal.client import ApiError

    try:
        return client.clusters.create(name, description)
    except ApiError as error:
        if error.status != 409:
            raise
    known = client.clusters.get(name)
    if known.state == "connected":
        raise CommandFailed(f"a cluster {name!r} is connected already; choose a name", CONFLICT)
    return client.clusters.join(name)


def _next(name: str) -> str:
    return (
        "Once the chart neurox-workload runs there, it joins by itself; "
        f"`neurox get cluster {name}` shows it."
    )


def _apply_given(source: str, context: str | None, dry_run: bool) -> None:
    from portal.cli import kubectl, output

    if source == "-":
        if sys.stdin.isatty():
            output.note("Paste the Secret, then press Ctrl-D.")
        text = sys.stdin.read()
    else:
        try:
            text = Path(source).read_text()
        except (OSError, UnicodeError) as failure:
            raise CommandFailed(f"{source} cannot be read: {failure}", USAGE) from None
    if "kind: Secret" not in text or "neurox-join" not in text:
        raise CommandFailed("that is not a join Secret of Neurox", USAGE)
    kubectl.check(context)
    where = context or "the cluster that kubectl points at"
    if dry_run:
        output.note(f"The join Secret would be applied to {where}; nothing was done.")
        return
    kubectl.apply_secret(context, text)
    output.note(f"The join Secret is in {where}. The cluster joins when the chart runs there.")
