"""``neurox preflight``: is this cluster ready for Neurox? Asks through kubectl, writes nothing."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from portal.cli import kubectl
from portal.cli import output as output_of
from portal.cli.failure import USAGE, CommandFailed

if TYPE_CHECKING:
    from controllers.preflight.facts import Ask

app = typer.Typer()


@app.command()
def preflight(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    plane: Annotated[
        Literal["control", "workload"],
        typer.Argument(help="What shall be installed there.", show_default=False),
    ],
    context: Annotated[
        str | None,
        typer.Option("--context", help="The cluster, as your kubeconfig names it."),
    ] = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Where it shall be installed.")
    ] = "neurox-system",
    server: Annotated[
        str | None,
        typer.Option("--hub", help="The control plane's address: is it reached from here?"),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="File with the CA that signed its certificate."),
    ] = None,
    manifest: Annotated[
        bool,
        typer.Option(
            "--manifest", help="Print a Job that checks the cluster from inside, instead."
        ),
    ] = False,
    output: Annotated[Literal["text", "json"], typer.Option("-o", "--output")] = "text",
) -> None:
    """Check a cluster before Neurox is installed there; nothing is written.

    Ends with 0 when it is ready, 1 when an installation would fail, 3 when the cluster cannot be
    asked. A warning is no failure.
    """
    from controllers.preflight import job
    from controllers.preflight.run import Question, run

    if ca and not ca.is_file():
        raise CommandFailed(f"--ca: there is no file {ca}", USAGE)
    if manifest:
        sys.stdout.write(job.manifest(plane, server, ca.read_text() if ca else None))
        output_of.note(job.COMMAND.rstrip())
        return
    question = Question(plane, namespace, server, ca)
    raise typer.Exit(run(lambda: _asking(context), question, output == "json"))


def _asking(context: str | None) -> "Ask":
    from controllers.preflight.facts import Silent
    from controllers.preflight.kubectl import asking

    try:
        program = kubectl.program()
    except CommandFailed as failure:
        raise Silent(str(failure)) from None
    return asking([program, *(["--context", context] if context else [])])
