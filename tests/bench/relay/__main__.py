"""`make bench-relay`: speed and memory of the relay, beside what is promised and beside nginx.

Two real processes of ours with TLS between them, and the same two hops of nginx (plain, TLS, plain;
one worker each, the same cipher), asked the same things in turns; medians of the rounds. The column
Caddy is ours with TLS ending in Caddy, when its program is there (`neurox tools caddy`). The exit
status is 1 when a promise is missed, 130 after Ctrl-C. Nothing else should keep the cores busy.
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import chains
import endurance
import many
import ours
import rounds

from infra.local import relay_pki
from infra.local.errors import INTERRUPTED
from infra.tools.toolbox import Toolbox
from tests.bench.figures import Figure, table
from tests.conftest import Valkey


@dataclass(frozen=True)
class Amounts:
    """How much of everything."""

    rounds: int = 5
    gib: float = 1.0
    seconds: float = 3.0
    idle: int = 1000
    streams: int = 20_000


QUICK = Amounts(rounds=3, gib=0.25, seconds=1.5, idle=300, streams=4000)


def main() -> int:
    """Print the table; 1 when a promise is missed."""
    asked = _parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background SIGINT is ignored
        signal.signal(number, signal.default_int_handler)
    try:
        chains.check_nginx()
        about = f"{_machine()}, load {os.getloadavg()[0]:.1f} before"
        figures = list(measure(QUICK if asked.quick else Amounts()))
    except chains.Absent as absent:
        sys.exit(f"bench-relay: {absent}")
    except KeyboardInterrupt:
        return INTERRUPTED
    if asked.json:
        print(json.dumps({"about": about, "figures": [one.data() for one in figures]}, indent=2))
    else:
        print(f"{about}\n\n{table(figures, 'relay', 'nginx', 'no relay', 'Caddy')}")
    return int(any(figure.missed for figure in figures))


def measure(amounts: Amounts) -> Iterator[Figure]:
    """All figures. What restarts of servers cost belongs at its end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="neurox-bench-")))
        pki = folder / "pki"
        pki.mkdir()
        relay_pki.ensure(pki, datetime.now(UTC))
        valkey = Valkey()
        stack.callback(valkey.close)
        target = stack.enter_context(chains.target())
        hub = stack.enter_context(ours.hub(folder / "hub", pki, valkey.url, tls=True))
        plain = stack.enter_context(ours.hub(folder / "plain", pki, valkey.url, tls=False))
        relay = stack.enter_context(ours.relay(hub, folder / "site", target))
        asked = {
            "relay": relay.chain,
            "nginx": stack.enter_context(chains.nginx(folder, pki, target)),
            "direct": chains.Chain(target),
        }
        if (caddy := Toolbox.from_env().find("caddy")) is not None:
            port = stack.enter_context(chains.caddy(caddy.path, folder, pki, plain.port))
            url = f"https://127.0.0.1:{port}"
            asked["caddy"] = stack.enter_context(
                ours.relay(plain, folder / "behind", target, url)
            ).chain
        else:
            say("Caddy is not there; `neurox tools caddy` makes it")
            plain.url = f"http://127.0.0.1:{plain.port}"
        yield from in_turns(asked, amounts)
        yield from alone(relay, plain, amounts)
    say("a rolling restart of two, and the return of a hundred")
    yield from many.figures()


def in_turns(asked: dict[str, chains.Chain], amounts: Amounts) -> Iterator[Figure]:
    """Every chain in every round."""
    samples = {name: rounds.Sample() for name in ("relay", "nginx", "direct", "caddy")}
    for number in range(1, amounts.rounds + 1):
        for name, chain in asked.items():
            say(f"round {number} of {amounts.rounds}: {name}")
            if name == "direct":
                rounds.round_of_direct(chain, samples[name])
            else:
                rounds.round_of(chain, samples[name], amounts.gib, amounts.seconds)
    yield from rounds.figures(samples)


def alone(relay: ours.Relay, plain: ours.Hub, amounts: Amounts) -> Iterator[Figure]:
    """What has no rival."""
    say("one stalled reader")
    yield endurance.stalled(relay)
    say(f"{amounts.idle} idle connections, behind an edge and with TLS")
    for hub, tls, what, most in (
        (plain, False, "behind an edge", 8),
        (relay.hub, True, "with TLS", 60),
    ):
        each = endurance.idle(hub, amounts.idle, tls)
        yield Figure(f"idle connection, the server's memory, {what}", "KiB", each, most=most)
    say(f"{amounts.streams:,} streams and the echo")
    yield from endurance.soak(relay, amounts.streams)


def say(line: str) -> None:
    """How far it is."""
    print(line, file=sys.stderr, flush=True)


def _machine() -> str:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{os.cpu_count()} cores{f' of {model[1]}' if model else ''}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage='make bench-relay [ARGS="[--help] [--quick] [--json]"]',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few minutes: noisier, and less")
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
