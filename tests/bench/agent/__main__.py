"""`make bench-agent`: what the agent costs, beside its limits and beside nvitop-exporter.

8 GPUs, the whole catalogue, 250 pods by a real watch and the kubelet's gRPC, a simulated driver
that spins 20 us in every call. Both are measured in the same run, on the same driver and the same
processes, once a second. The exit status is 1 when a limit is missed. ``--quick`` takes three
minutes, not seventeen.
"""

import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import gpu_node
import psutil
import requests
from gpu_node import GpuNode

HERE = Path(__file__).parent
RIVAL = Path(sys.prefix) / "nvitop-exporter" / "bin" / "nvitop-exporter"
SCRAPERS = (1, 8, 32)
START_SECONDS, SETTLE_SECONDS = 30.0, 15.0
PROMETHEUS_SECONDS = 15.0
"""How often the agent is scraped while its CPU is measured."""
SCRAPE_MILLISECONDS = 10.0
"""Of the 99th percentile, beyond what a bare server takes at the same time."""


@dataclass(frozen=True)
class Times:
    """Seconds that each part is measured for."""

    cpu: float = 60
    scrapes: float = 40
    soak: float = 600


QUICK = Times(cpu=30, scrapes=20, soak=30)


@dataclass(frozen=True)
class Row:
    """One figure of ours, its limit, and our rival's figure where there is one."""

    what: str
    unit: str
    ours: float
    limit: float | None = None
    rival: float | None = None

    @property
    def missed(self) -> bool:
        """Whether ours is beyond the limit."""
        return self.limit is not None and self.ours > self.limit

    def line(self) -> str:
        """The figure as a row of the report."""
        limit = "" if self.limit is None else f"{self.limit:.1f}"
        rival, ratio = "", ""
        if self.rival is not None:
            rival = f"{self.rival:.2f}"
            ratio = f"{self.rival / self.ours:.1f} x" if self.ours else ""
        verdict = "" if self.limit is None else "MISSED" if self.missed else "ok"
        return (
            f"{self.what:<44} {self.unit:<4} {self.ours:>9.2f} {limit:>8} {verdict:<7}"
            f"{rival:>9} {ratio:>8}"
        )


HEAD = f"{'':<44} {'':<4} {'agent':>9} {'limit':>8} {'':<7}{'nvitop':>9} {'ratio':>8}"


@dataclass(frozen=True)
class Server:
    """A running process that answers /metrics."""

    process: psutil.Process
    url: str

    def resident(self) -> float:
        """MiB."""
        return float(self.process.memory_info().rss / 2**20)

    def cpu_seconds(self) -> float:
        """Of user and system together."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def scraped(self, scrapers: int, seconds: float, beside: str) -> "Scrapes":
        """What scrapers.py, a process of its own, finds here and at the bare server ``beside``."""
        argv = [str(HERE / "scrapers.py"), str(scrapers), f"{seconds}", self.url, beside]
        done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        return Scrapes(**found[self.url], bare=found[beside]["milliseconds"])


@dataclass(frozen=True)
class Scrapes:
    """Of some scrapers: what each took, the age it read, and what a bare server took meanwhile."""

    milliseconds: list[float]
    age: list[float]
    series: list[float]
    bare: list[float]


@contextmanager
def started(
    argv: Sequence[str], env: dict[str, str], url: str, knows: Callable[[str], bool]
) -> Iterator[Server]:
    """The process, once what it serves shows that it knows all that there is."""
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(argv, env=os.environ | env, stdout=log, stderr=log) as process,
    ):
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _serves(url, knows):
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    sys.exit(f"{argv[-1]} does not serve all there is:\n{log.read()[-2000:]}")
                time.sleep(0.1)
            yield Server(psutil.Process(process.pid), url)
        finally:
            process.terminate()
            process.wait(20)


def _serves(url: str, knows: Callable[[str], bool]) -> bool:
    try:
        return knows(requests.get(url, timeout=5).text)
    except requests.ConnectionError:
        return False


@contextmanager
def bare_server() -> Iterator[str]:
    """The address of a server that only answers."""
    port = gpu_node.free_port()
    with subprocess.Popen([sys.executable, str(HERE / "bare.py"), str(port)]) as process:
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.kill()


@contextmanager
def agent(node: GpuNode, interval: float = 1.0) -> Iterator[Server]:
    """Our agent; an ``interval`` below a second is for the soak alone."""
    port = gpu_node.free_port()
    env = node.env | {
        "NEUROX_AGENT_LISTEN": f"127.0.0.1:{port}",
        "NEUROX_AGENT_INTERVAL": f"{interval:g}",
    }

    def knows(text: str) -> bool:
        every = ("neurox_pod_gpu_memory_used_bytes{", "neurox_pod_gpu_allocation_info{")
        return all(text.count(f"\n{name}") == gpu_node.USERS for name in every)

    argv = [sys.executable, "-m", "agent"]
    with started(argv, env, f"http://127.0.0.1:{port}/metrics", knows) as server:
        yield server


@contextmanager
def rival(node: GpuNode) -> Iterator[Server]:
    """nvitop-exporter on the same driver."""
    port = gpu_node.free_port()
    argv = [str(RIVAL), "--bind-address", "127.0.0.1", "--port", str(port), "--interval", "1"]
    uuids = [gpu_node.gpu_uuid(index) for index in range(gpu_node.GPUS)]

    def knows(text: str) -> bool:
        return all(uuid in text for uuid in uuids)

    with started(argv, node.env, f"http://127.0.0.1:{port}/metrics", knows) as server:
        yield server


def measured(server: Server, seconds: float) -> tuple[float, float]:
    """Percent of a core, and MiB, while Prometheus scrapes as it does."""
    time.sleep(SETTLE_SECONDS)
    began, before = time.monotonic(), server.cpu_seconds()
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(left, PROMETHEUS_SECONDS))
        requests.get(server.url, timeout=10).raise_for_status()
    share = (server.cpu_seconds() - before) / (time.monotonic() - began)
    return share * 100, server.resident()


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that ``share`` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


def side_by_side(node: GpuNode, times: Times) -> list[Row]:
    """CPU, memory and scrapes, of both in turn."""
    with bare_server() as bare:
        with agent(node) as ours:
            cpu, memory = measured(ours, times.cpu)
            scrapes = {count: ours.scraped(count, times.scrapes, bare) for count in SCRAPERS}
        with rival(node) as theirs:
            their_cpu, their_memory = measured(theirs, times.cpu)
            their_scrapes = {
                count: theirs.scraped(count, times.scrapes, bare) for count in SCRAPERS
            }
    ages = [age for found in scrapes.values() for age in found.age]
    return [
        Row("CPU, once a second", "%", cpu, 1.0, their_cpu),
        Row("resident memory", "MiB", memory, 45.0, their_memory),
        *(
            row
            for count in SCRAPERS
            for row in latency(scrapes[count], their_scrapes[count], count)
        ),
        Row("oldest data in a scrape", "s", max(ages), 1.5),
        Row("series in a scrape", "", scrapes[1].series[-1], None, their_scrapes[1].series[-1]),
    ]


def latency(ours: Scrapes, theirs: Scrapes, scrapers: int) -> Iterator[Row]:
    """A machine that is busy is late with everything, so what it adds is not counted as ours."""
    who = f"scrape, {scrapers} scraper{'s' if scrapers > 1 else ''}"
    for name, share, limit in (("median", 0.5, None), ("p99", 0.99, SCRAPE_MILLISECONDS)):
        took, theirs_took = (percentile(one.milliseconds, share) for one in (ours, theirs))
        machine = percentile(ours.bare, share)
        yield Row(f"{who}, {name}", "ms", took, limit and limit + machine, theirs_took)
        yield Row(f"   a bare server meanwhile, {name}", "ms", machine)


def soak(node: GpuNode, seconds: float) -> list[Row]:
    """Memory over passes ten times as fast: after a tenth of the time, and at the end."""
    cycles = seconds / 0.1
    with agent(node, interval=0.1) as ours:
        sizes = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(1)
            requests.get(ours.url, timeout=10).raise_for_status()
            sizes.append(ours.resident())
    early = statistics.median(sizes[len(sizes) // 10 : len(sizes) // 5 + 1])
    late = statistics.median(sizes[-max(1, len(sizes) // 10) :])
    return [
        Row(f"resident memory after {cycles:,.0f} passes at 10 Hz", "MiB", max(sizes), 45.0),
        Row("growth from the first tenth to the last", "MiB", late - early, 1.0),
    ]


def main() -> int:
    """Print the report; 1 when a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter, so noisier")
    parser.add_argument("--json", action="store_true", help="the rows as JSON")
    asked = parser.parse_args()
    times = QUICK if asked.quick else Times()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    with (
        tempfile.TemporaryDirectory(prefix="neurox-bench-") as name,
        gpu_node.running(Path(name)) as node,
    ):
        rows = side_by_side(node, times) + soak(node, times.soak)
    if asked.json:
        print(json.dumps([asdict(row) | {"missed": row.missed} for row in rows], indent=2))
    else:
        print("\n".join([HEAD, *(row.line() for row in rows)]))
    return int(any(row.missed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
