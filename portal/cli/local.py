"""``up``, ``down``, ``status``, ``logs`` and ``tools``: the fleet on this machine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from portal.cli.failure import CommandFailed

if TYPE_CHECKING:
    from types import FrameType

app = typer.Typer()
AS_BEFORE = "as last time, else {}"
StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state",
        help="Folder that holds the fleet.",
        envvar="NEUROX_STATE",
        show_default="neurox in your state folder",
    ),
]


@contextmanager
def _told() -> Iterator[None]:
    from infra.local.errors import LocalError

    try:
        yield
    except LocalError as error:
        raise CommandFailed(str(error), error.exit_code) from None
    except OSError as error:
        if error.filename is None:
            raise  # of the output, not of the folder
        where = f"{error.filename}: {error.strerror}"
        raise CommandFailed(f"{where}; --state names the folder") from None


@app.command()
def up(  # noqa: PLR0913, PLR0917 - typer reads the options from the parameters
    clusters: Annotated[
        int | None,
        typer.Option(min=1, max=9, help="Sandbox clusters.", show_default=AS_BEFORE.format(1)),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=64,
            help="Simulated GPU nodes of each cluster.",
            show_default=AS_BEFORE.format(4),
        ),
    ] = None,
    gpus: Annotated[
        int | None,
        typer.Option(
            min=1, max=16, help="Simulated GPUs of each node.", show_default=AS_BEFORE.format(8)
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help="Port of the portal.",
            show_default=AS_BEFORE.format("8080 or above"),
        ),
    ] = None,
    state: StateOption = None,
    demo: Annotated[bool, typer.Option(help="Submit demo workloads as three users.")] = True,
    context: Annotated[
        str | None,
        typer.Option(help="Manage this context of your kubeconfig instead of a sandbox."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before writing.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would run.")] = False,
) -> None:
    """Show a working fleet on this machine; Ctrl-C stops it, and the next `up` resumes it."""
    from infra.local import state as states
    from infra.local.options import Options

    with _told():
        folder = states.folder(state)
        options = Options(folder, clusters, nodes, gpus, port, demo, context, yes)
        if dry_run:
            from infra.local.plan import describe

            typer.echo(describe(options))
            return
        from infra.local.up import up as bring_up

        _heed_signals()  # until the event loop takes them over
        raise typer.Exit(bring_up(options))


def _heed_signals() -> None:
    """Let SIGTERM, and SIGHUP unless nohup turned it off, end the command as Ctrl-C does."""
    for one in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, _interrupt)


def _interrupt(_number: int, _frame: "FrameType | None") -> None:
    raise KeyboardInterrupt


@app.command()
def down(
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Also forget the fleet: its data, its password, its logs."),
    ] = False,
    state: StateOption = None,
) -> None:
    """Stop what `neurox up` started, also after it was killed."""
    from infra.local import state as states
    from infra.local.down import down as bring_down

    with _told():
        bring_down(states.folder(state), purge, typer.echo)


@app.command()
def status(
    output: Annotated[Literal["table", "json"], typer.Option("-o", "--output")] = "table",
    state: StateOption = None,
) -> None:
    """List the processes: since when, restarted how often. Exit status 3 when nothing runs."""
    from infra.local import listing
    from infra.local import state as states

    with _told():
        raise typer.Exit(listing.status(states.folder(state), output == "json"))


@app.command()
def logs(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A process, as `neurox status` lists it.")
    ],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as the log grows.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="Lines to begin with.")] = 50,
    state: StateOption = None,
) -> None:
    """Show what a process of the fleet says."""
    from infra.local import listing
    from infra.local import state as states

    with _told():
        listing.logs(states.folder(state), name, lines, (lambda: True) if follow else None)


@app.command()
def tools(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Servers to make; `node` stands for what a real node needs.",
            show_default="all that `up` needs",
        ),
    ] = None,
    list_only: Annotated[
        bool, typer.Option("--list", help="Only show what is there and what is missing.")
    ] = False,
    output: Annotated[Literal["text", "json"], typer.Option("-o", "--output")] = "text",
) -> None:
    """Build or fetch the servers that `neurox up` runs."""
    from infra.tools import command

    _heed_signals()
    command.run(names or [], list_only, output)
