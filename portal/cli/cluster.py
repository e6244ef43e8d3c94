"""``neurox cluster``: join, list, check and remove clusters, and let one leave."""

import sys
from typing import Annotated

import typer

from portal.cli.cluster_history import history
from portal.cli.cluster_status import status
from portal.cli.confirmation import confirm
from portal.cli.credential import DryRunOption, YesOption, revoke, rotate
from portal.cli.get import OutputOption
from portal.cli.join import join
from portal.cli.join_token import token, tokens, withdraw
from portal.cli.leave import leave

app = typer.Typer()
cluster = typer.Typer(no_args_is_help=True, help="Join, list, check and remove clusters; leave.")
app.add_typer(cluster, name="cluster")
cluster.command()(join)
cluster.command()(leave)
cluster.command()(status)
cluster.command()(rotate)
cluster.command()(revoke)
cluster.command()(token)
cluster.command()(tokens)
cluster.command()(withdraw)
cluster.command()(history)
# `--context` of join and leave names a cluster of yours; NEUROX_CONTEXT says which Neurox.


@cluster.command("list")
def list_clusters(
    removed: Annotated[
        bool, typer.Option("--removed", help="Those that were removed, with when and their ids.")
    ] = False,
    output: OutputOption = "table",
) -> None:
    """List the clusters, as `neurox get clusters` does."""
    from portal.cli.get import get

    if removed:
        get("clusters", state="removed", output="wide" if output == "table" else output)
    else:
        get("clusters", output=output)


@cluster.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As Neurox calls it.")],
    yes: YesOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Take a cluster off the lists and revoke its credential; what runs there goes on running.

    Its history stays: its metrics, and its workloads as they ended.
    """
    from portal.cli import context as contexts

    if not dry_run:
        confirm(f"Remove cluster {name} and revoke its credential?", yes)
    with contexts.client() as client:
        client.clusters.delete(name, dry_run=dry_run)
    sys.stdout.write(f"{name} {'would be' if dry_run else 'is'} removed; its history stays\n")
