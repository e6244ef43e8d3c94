"""The command ``neurox-agent``: without another word it is the agent."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from textwrap import TextWrapper
from typing import NoReturn

from agent.settings import VARIABLES

_FAILED = 1
_INTERRUPTED = 130
"""What shells say of a command that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked and exit; the agent itself loads nothing that only another command needs."""
    _streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in ([], ["run"]):
        from agent.main import run

        run()
        return
    try:
        status = _done(words)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough, as `| head` has
        _fail()
    except OSError as error:
        sys.stderr.write(f"neurox-agent: {error}\n")
        _fail()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
    sys.exit(status)


def _streams() -> None:
    """One that is closed leads nowhere, and not to the file or connection that is opened next."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115 - it stays open


def _done(words: Sequence[str]) -> int | str | None:
    try:
        asked = _parser().parse_args(words)
        status: int = asked.command(asked)
    except SystemExit as end:  # of --help, whose words are still to be written
        return end.code
    return status


def _fail() -> NoReturn:
    """Without another try to write what is left, which would fail as loudly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(_FAILED)


def _parser() -> argparse.ArgumentParser:
    from agent import check, reference
    from agent.dcgm import command as dcgm
    from agent.record import main as record

    parser = argparse.ArgumentParser(
        prog="neurox-agent",
        description="Tells Prometheus about every GPU of this node, for every pod.\n"
        "Without a command it runs until it is stopped.",
        epilog=_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"neurox-agent {metadata.version('neurox')}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser(
        "run",
        help="run the agent: what it does without a command",
        description="Read every GPU each second and serve what was read, until SIGTERM or Ctrl-C. "
        "It is told by its environment alone: see neurox-agent --help.",
        epilog="Exit code: 0 stopped by a signal, 2 bad settings.",
    )
    for command in (check, dcgm, record, reference):
        command.add(commands)
    return parser


def _settings() -> str:
    """The variables, for the end of the help."""
    lines = ["It is told by its environment:"]
    for name, variable in VARIABLES.items():
        default = f" (default: {variable.default})" if variable.default else ""
        lines += [f"  {name}{default}", *_wrapped(variable.help.replace("`", ""))]
    return "\n".join(lines)


_wrapped = TextWrapper(78, initial_indent=" " * 6, subsequent_indent=" " * 6).wrap
