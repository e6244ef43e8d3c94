"""``neurox cluster status``: how far a cluster's joining has come, and what to do next."""

import sys
from time import sleep
from typing import TYPE_CHECKING, Annotated

import typer

from portal.cli.failure import FAILED, USAGE, CommandFailed

if TYPE_CHECKING:
    from portal.schemas import Check, ChecksOut

POLL_SECONDS = 2.0
COLOURS = {"ok": "32", "waiting": "33", "failed": "31"}


def status(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As Neurox calls it.")],
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Ask again until all of it is done.")
    ] = False,
    output: Annotated[
        str, typer.Option("-o", "--output", help="table or json; watched, a line each time.")
    ] = "table",
) -> None:
    """Show each stage of a cluster's joining; ends with 0 when all are done, else with 1."""
    from portal.cli import context as contexts

    if output not in ("table", "json"):
        raise CommandFailed(f"-o {output} is unknown here; choose table or json", USAGE)
    with contexts.client() as client:
        told: list[object] = []
        while True:
            found = client.clusters.checks(name)
            news: list[object] = [(item.key, item.state) for item in found.items]
            if news != told:
                sys.stdout.write(_text(found, output == "json", watch))
                sys.stdout.flush()
                told = news
            if found.state == "ok" or not watch:
                break
            sleep(POLL_SECONDS)
    if found.state != "ok":
        raise typer.Exit(FAILED)


def _text(found: "ChecksOut", as_json: bool, watch: bool) -> str:
    from portal.cli.output import colourful, document

    if not as_json:
        return _table(found, colourful())
    # A line for each when there may be several, so that a program can read them as they come.
    if watch:
        return f"{found.model_dump_json()}\n"
    return document(found.model_dump(mode="json"), "json")


def _table(found: "ChecksOut", colour: bool) -> str:
    from portal.cli.text import clean
    from portal.duration import in_words

    states = [item.state for item in found.items]
    heard = found.heard_age_seconds
    last = "nothing heard yet" if heard is None else f"last heard of {in_words(heard)} ago"
    clock = _clock(found.clock_skew_seconds)
    lines = [f"{clean(found.cluster)}: {states.count('ok')} of {len(states)} done, {last}{clock}"]
    width = max(len(item.label) for item in found.items)
    waits = next((item for item in found.items if item.state != "ok"), None)
    for item in found.items:
        mark = item.state.ljust(7)
        mark = f"\x1b[{COLOURS[item.state]}m{mark}\x1b[0m" if colour else mark
        lines.append(f"  {mark}   {clean(item.label).ljust(width)}   {clean(item.detail)}".rstrip())
        if item.state == "failed" or item is waits:
            lines += _advice(item)
    return "".join(f"{line}\n" for line in lines)


def _clock(ahead: float | None) -> str:
    from portal.duration import in_words

    if not ahead:
        return ""
    return f", its clock is {in_words(abs(ahead))} {'ahead' if ahead > 0 else 'behind'}"


def _advice(item: "Check") -> list[str]:
    from portal.cli.text import clean

    fix = [f"            {clean(item.fix)}"] if item.fix else []
    command = [f"            $ {clean(item.command)}"] if item.command else []
    return fix + command
