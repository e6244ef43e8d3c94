"""`make bench-agent`: what the agent costs, beside what is promised and beside nvitop-exporter.

8 GPUs, the whole catalogue, 250 pods by a real watch and the kubelet's gRPC, a simulated driver
that spins 20 us in every call. Both are measured in the same run, on the same driver and the same
processes, once a second; then the agent alone for 6,000 passes at 10 Hz. The figures are printed
as a table of Markdown, how far it is on standard error. The exit status is 1 when a promise is
missed, 130 after Ctrl-C. Nothing else should keep the cores busy meanwhile.
"""

import argparse
import json
import math
import os
import re
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import gpu_node
from figures import Figure, table
from servers import HERE, Scrapes, Server, agent, bare_server, rival

from infra.local.errors import INTERRUPTED, LocalError

SCRAPERS = (1, 8, 32)
TURNS = 4
"""What else the machine does falls on one scraper as on many, when they take turns."""
DEPENDENCE = 2.0
"""How many times as long many scrapers may wait as one does. One waits more often for the first
writing of a page, which many share; chance alone makes less than twice of that."""
SETTLE_SECONDS = 15.0
PROMETHEUS_SECONDS = 15.0
"""How often a server is scraped while its CPU is measured."""
SOAK_HERTZ = 10
SOAK_PATIENCE = 1.5
"""How many times as long as they should the passes of the soak may take."""


@dataclass(frozen=True)
class Amounts:
    """Seconds of measuring, and passes of the soak."""

    cpu: float = 60
    scrapes: float = 40
    soak: int = 6000


QUICK = Amounts(cpu=30, scrapes=20, soak=300)


def main() -> int:
    """Print the table; 1 when a promise is missed."""
    asked = _parser().parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background SIGINT is ignored
        signal.signal(number, signal.default_int_handler)
    try:
        about, figures = measure(QUICK if asked.quick else Amounts())
    except LocalError as error:
        sys.exit(f"bench-agent: {error}")
    except KeyboardInterrupt:
        return INTERRUPTED
    if asked.json:
        print(json.dumps({"about": about, "figures": [one.data() for one in figures]}, indent=2))
    else:
        print(f"{about}\n\n{table(figures, 'agent', _rival(), 'bare server')}")
    return int(any(figure.missed for figure in figures))


def measure(amounts: Amounts) -> tuple[str, list[Figure]]:
    """Where it ran, and all figures."""
    about = f"{_machine()}, load {os.getloadavg()[0]:.1f} before"
    say(f"{about}; starting etcd, kube-apiserver and {gpu_node.PODS} pods")
    with (
        tempfile.TemporaryDirectory(prefix="neurox-bench-") as name,
        gpu_node.running(Path(name), say) as node,
    ):
        return about, [*side_by_side(node, amounts), *soak(node, amounts.soak)]


def side_by_side(node: dict[str, str], amounts: Amounts) -> list[Figure]:
    """CPU, memory and scrapes, of both in turn."""
    with bare_server() as bare:
        with agent(node) as one:
            cpu, memory = used(one, amounts.cpu, "agent")
            ours = scraped(one, amounts.scrapes, bare, "agent")
            memory = max(memory, one.resident())
        with rival(node) as one:
            their_cpu, their_memory = used(one, amounts.cpu, _rival())
            theirs = scraped(one, amounts.scrapes, bare, _rival())
            their_memory = max(their_memory, one.resident())
    oldest = max(age for of_some in ours.values() for age in of_some.age)
    series, their_series = (of[1].series[-1] for of in (ours, theirs))
    failed, their_failed = (
        sum(sum(of_some.failed) for of_some in of.values()) for of in (ours, theirs)
    )
    return [
        Figure("CPU at 1 Hz, of a core", "%", cpu, most=1, rival=their_cpu),
        Figure("resident memory", "MiB", memory, most=45, rival=their_memory),
        *latencies(ours, theirs),
        Figure("scrapes that failed", "", failed, most=0, rival=their_failed),
        Figure("oldest data in a scrape", "s", oldest, most=1.5),
        Figure("series in a scrape", "", series, rival=their_series),
    ]


def used(server: Server, seconds: float, name: str) -> tuple[float, float]:
    """Percent of a core, and MiB, while Prometheus scrapes as it does."""
    say(f"{name}: CPU and memory, {SETTLE_SECONDS + seconds:.0f} s")
    time.sleep(SETTLE_SECONDS)
    began, before = time.monotonic(), server.cpu_seconds()
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, PROMETHEUS_SECONDS))
        server.text()
    share = (server.cpu_seconds() - before) / (time.monotonic() - began)
    return share * 100, server.resident()


def scraped(server: Server, seconds: float, bare: str, name: str) -> dict[int, Scrapes]:
    """For each number of scrapers, ``seconds`` of theirs."""
    say(f"{name}: scrapes by {SCRAPERS} scrapers, {seconds * len(SCRAPERS):.0f} s")
    found = {count: Scrapes() for count in SCRAPERS}
    for _ in range(TURNS):
        for count in SCRAPERS:
            found[count].add(server.scraped(count, seconds / TURNS, bare))
    return found


def latencies(ours: dict[int, Scrapes], theirs: dict[int, Scrapes]) -> Iterator[Figure]:
    """Of the scrapes, and whether they depend on how many scrape."""
    for name, share, most in (("median", 0.5, None), ("p99", 0.99, 10.0)):
        for count in SCRAPERS:
            mine, their, bare = (
                percentile(of, share)
                for of in (ours[count].milliseconds, theirs[count].milliseconds, ours[count].bare)
            )
            what = f"scrape, {name}, {count} scraper{'s' if count > 1 else ''}"
            yield Figure(what, "ms", mine, most, rival=their, bare=bare)
    few, many = SCRAPERS[0], SCRAPERS[-1]
    for name, share in (("median", 0.5), ("p99", 0.99)):
        mine, their = (
            percentile(of[many].milliseconds, share) / percentile(of[few].milliseconds, share)
            for of in (ours, theirs)
        )
        bare = percentile(ours[many].bare, share) / percentile(ours[few].bare, share)
        what = f"scrape, {name}, {many} scrapers over 1"
        yield Figure(what, "x", mine, DEPENDENCE, rival=their, bare=bare)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def soak(node: dict[str, str], wanted: int) -> list[Figure]:
    """Memory each second, until the agent says that it has done as many passes."""
    expected = wanted / SOAK_HERTZ
    say(f"agent: {wanted:,} passes at {SOAK_HERTZ} Hz, {expected:.0f} s")
    sizes = []
    with agent(node, interval=1 / SOAK_HERTZ) as ours:
        first, begin = passes(ours), time.monotonic()
        done = 0
        while done < wanted and time.monotonic() < begin + expected * SOAK_PATIENCE:
            time.sleep(1)
            done = passes(ours) - first
            sizes.append(ours.resident())
            if len(sizes) % 60 == 0:
                say(f"agent: {done:,} of {wanted:,} passes, {sizes[-1]:.1f} MiB")
    tenth = len(sizes) // 10
    early = statistics.median(sizes[tenth : 2 * tenth + 1])
    late = statistics.median(sizes[-max(1, tenth) :])
    return [
        Figure(f"passes at {SOAK_HERTZ} Hz, by its own count", "", done, least=wanted),
        Figure("resident memory over these", "MiB", max(sizes), most=45),
        Figure("its growth from the second tenth to the last", "MiB", late - early, most=1),
    ]


def passes(server: Server) -> int:
    """How many the agent says that it has finished."""
    found = re.search(r"^neurox_agent_passes_total\S* (\d+)$", server.text(), re.MULTILINE)
    assert found is not None
    return int(found[1])


def say(line: str) -> None:
    """How far it is."""
    print(line, file=sys.stderr, flush=True)


def _machine() -> str:
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return f"{os.cpu_count()} cores{f' of {model[1]}' if model else ''}"


def _rival() -> str:
    pins = (HERE / "nvitop-exporter.txt").read_text()
    return re.findall(r"^nvitop-exporter==.*$", pins, re.MULTILINE)[0].replace("==", " ")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage='make bench-agent [ARGS="[--help] [--quick] [--json]"]',
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick", action="store_true", help="4 minutes, not 17: noisier, and 300 passes at 10 Hz"
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
