"""The ``neurox`` command: every module of this package that has an ``app`` adds its commands.

Modules import what is heavy inside their functions, so that ``neurox --help`` stays quick.
"""

import os
import sys

import typer

from portal.cli import cluster, demo, get, local, submit
from portal.cli.failure import INTERRUPTED, CommandFailed

app = typer.Typer(
    name="neurox",
    help="Every GPU of every Kubernetes cluster, seen and steered from one place.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (local, get, submit, cluster, demo):
    app.add_typer(module.app)


def run() -> None:
    """Entry point; ends the process with the exit status."""
    try:
        app()
    except CommandFailed as failed:
        sys.stderr.write(f"neurox: {failed}\n")
        sys.exit(failed.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader went away (`neurox logs ... | head`); keep the flush at exit from complaining.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run()
