"""The ``neurox`` command: every module of this package that has an ``app`` adds its commands.

Modules import what is heavy inside their functions, so that ``neurox --help`` stays quick.
"""

import errno
import os
import sys
from pathlib import Path

import typer

from portal.cli import cluster, demo, get, local, preflight, submit
from portal.cli.failure import FAILED, INTERRUPTED, CommandFailed

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF}

app = typer.Typer(
    name="neurox",
    help="Every GPU of every Kubernetes cluster, seen and steered from one place.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (local, get, submit, cluster, preflight, demo):
    app.add_typer(module.app)


def run() -> None:
    """Entry point; ends the process with the exit status."""
    _streams()
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except CommandFailed as failed:
        sys.stderr.write(f"neurox: {failed}\n")
        sys.exit(failed.exit_code)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _silence()  # the reader went away: `neurox logs ... | head`
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        _silence()
        sys.stderr.write(f"neurox: the output could not be written: {error.strerror}\n")
        sys.exit(FAILED)


def _streams() -> None:
    """Refuse a closed standard output before anything is done: a token would be made for nobody."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - it stays open
    if sys.stdout is None:
        sys.stderr.write(
            "neurox: standard output is closed, nothing was done; send it to /dev/null instead\n"
        )
        sys.exit(FAILED)


def _silence() -> None:
    """Keep the flush at exit from complaining a second time."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    run()
