"""``neurox cluster join``: a record, and a Secret by which one cluster joins as it."""

from pathlib import Path
from typing import Annotated

import typer

from portal.cli.join_asked import Asked, run


def join(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Name of the cluster in Neurox.")
    ] = None,
    context: Annotated[
        str | None,
        typer.Option(
            "--context", help="Put the Secret into this cluster, as your kubeconfig names it."
        ),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("-f", "--file", help="YAML that names many clusters; - reads it."),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", help="With -f: a file NAME.yaml for each, mode 0600."),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", help="Apply a join Secret that you were given; - reads it."),
    ] = None,
    print_secret: Annotated[
        bool, typer.Option("--print-secret", help="Print the Secret, also with --context.")
    ] = False,
    description: Annotated[str, typer.Option(help="Description, for people.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", metavar="KEY=VALUE", help="A label; repeat it for more."),
    ] = None,
    expires: Annotated[
        str, typer.Option(help="How long the token is good: 30m, 6h, at most 7d.")
    ] = "1h",
    rebuilt: Annotated[
        bool,
        typer.Option(
            "--rebuilt", help="The cluster was made anew: it takes its record and history over."
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", help="yaml: the Secret alone. json: all there is to know."),
    ] = None,
) -> None:
    """Let clusters join: print a Secret for one, and what installs the chart.

    \b
    neurox cluster join east                   Secret, Helm's line, Pulumi program
    neurox cluster join east --context prod    puts the Secret into the cluster
    neurox cluster join east --expires 7d      for GitOps: encrypt what you commit
    neurox cluster join east --rebuilt         the cluster was made anew
    neurox cluster join east --label a=b       labels it, connected or not
    neurox cluster join -f clusters.yaml --output-dir joins       many at once

    Run again for a cluster that has not joined, it gives a new token; the
    former one stops working. A description or a label that is given again
    takes the place of the former one; labels that are not named stay.
    NEUROX_CONTEXT says which Neurox, --context which cluster of yours.
    """
    run(
        Asked(
            name=name,
            context=context,
            file=file,
            output_dir=output_dir,
            secret=secret,
            print_secret=print_secret,
            description=description,
            labels=tuple(label or ()),
            expires=expires,
            rebuilt=rebuilt,
            dry_run=dry_run,
            output=output,
        )
    )
