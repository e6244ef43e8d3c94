"""``neurox-agent compare URL``: what people lose who replace their exporter by the agent."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

from agent.dcgm.compare import Missing, missing
from agent.dcgm.scrape import ScrapeFailed, samples
from agent.environment import SettingsError, address, joined
from agent.journal import plain
from agent.settings import VARIABLES

SAME, LESS, FAILED = 0, 1, 2
"""Exit codes."""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The command and its options."""
    parser = commands.add_parser(
        "compare",
        help="list what a dcgm-exporter in place serves and the agent does not",
        description="Read the page of a dcgm-exporter on this node and the agent's /dcgm/metrics, "
        "and list every series, label and row of a pod that the second lacks, with the reason.",
        epilog="Exit code: 0 nothing is missing, 1 something is, 2 a page could not be read.",
    )
    parser.add_argument("url", metavar="URL", help="the exporter's; 127.0.0.1:9400 is enough")
    parser.add_argument(
        "--agent", metavar="URL", help="the agent's (default: where NEUROX_AGENT_LISTEN says)"
    )
    parser.add_argument(
        "--output", choices=("text", "json"), default="text", help="how to print (default: text)"
    )
    parser.set_defaults(command=_compare)


def _compare(asked: argparse.Namespace) -> int:
    try:
        agent = asked.agent or _listen()
        theirs = samples(_page(asked.url, "metrics"))
        lacking = missing(theirs, samples(_page(agent, "dcgm/metrics")))
    except (ScrapeFailed, SettingsError) as failed:
        sys.stderr.write(f"neurox-agent compare: {plain(str(failed))}\n")
        return FAILED
    sys.stdout.write(_json(lacking) if asked.output == "json" else _text(lacking, len(theirs)))
    return LESS if lacking else SAME


def _listen() -> str:
    """Where the agent of this environment listens; one that listens everywhere is at home too."""
    name = "NEUROX_AGENT_LISTEN"
    host, port = address({name: os.environ.get(name) or VARIABLES[name].default}, name)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return joined(host, port)


def _page(url: str, path: str) -> str:
    """With the scheme and the path that people leave out."""
    scheme, _, rest = url.rpartition("://")
    host, _, given = rest.partition("/")
    return f"{scheme or 'http'}://{host}/{given or path}"


def _json(lacking: Sequence[Missing]) -> str:
    return json.dumps({"missing": [asdict(one) for one in lacking]}, indent=2) + "\n"


def _text(lacking: Sequence[Missing], total: int) -> str:
    """Series by name; labels and rows of pods, which many names lack alike, together."""
    if not lacking:
        return f"The agent has every one of {total} series, with all labels.\n"
    alike: dict[tuple[str, str], list[Missing]] = {}
    for one in lacking:
        what = one.name if one.lacks == "series" else one.lacks
        # A label's value is a stranger's: nothing of it may steer a terminal.
        alike.setdefault((plain(what), one.reason), []).append(one)
    lines = [f"{what} ({_of(group)})\n    {why}\n" for (what, why), group in alike.items()]
    series = sum(one.lacks == "series" for one in lacking)
    less = len({(one.name, one.gpu) for one in lacking}) - series
    lines.append(f"\n{total} series: {series} missing, {less} lacking labels or rows.\n")
    return "".join(lines)


def _of(group: Sequence[Missing]) -> str:
    names, gpus = ({one.name for one in group}, {one.gpu for one in group})
    where = f"{len(gpus)} GPU{'s' if len(gpus) > 1 else ''}"
    return where if group[0].lacks == "series" else f"{len(names)} names, {where}"
