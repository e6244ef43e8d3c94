"""The command ``neurox-agent``: without another word it is the agent."""

import argparse
import sys
from collections.abc import Sequence
from importlib import metadata

from agent.settings import VARIABLES

_INTERRUPTED = 130
"""What shells say of a command that Ctrl-C ended."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what is asked and exit; only what that needs is loaded."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words in ([], ["run"]):
        from agent.main import run

        run()
    elif words[0] == "record":
        from agent.record.main import main as record

        sys.exit(record(words[1:]))
    else:
        asked = _parser().parse_args(words)
        try:
            sys.exit(asked.command(asked))
        except BrokenPipeError:  # the reader has seen enough, as `| head` has
            sys.stderr.close()
            sys.exit(1)
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)


def _parser() -> argparse.ArgumentParser:
    from agent import check, reference
    from agent.dcgm import command as dcgm

    parser = argparse.ArgumentParser(
        prog="neurox-agent",
        description="Tells Prometheus about every GPU of this node, for every pod. "
        "Without a command it runs until it is stopped.",
        epilog=_settings(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"neurox-agent {metadata.version('neurox')}"
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    commands.add_parser("run", help="run the agent: what it does without a command")
    check.add(commands)
    dcgm.add(commands)
    commands.add_parser("record", help="write down what the driver answers, to be played elsewhere")
    reference.add(commands)
    return parser


def _settings() -> str:
    """The variables, for the end of the help."""
    lines = ["It is told by its environment:"]
    for name, variable in VARIABLES.items():
        default = f" (default: {variable.default})" if variable.default else ""
        lines += [f"  {name}{default}", f"      {variable.help.replace('`', '')}"]
    return "\n".join(lines)
