"""`make bench-up`: time and memory of `neurox up`, printed beside their limits.

Every figure is a median of ``--runs`` runs (memory and CPU: of the last run's samples at rest).
The exit status is 1 when a median misses its limit by more than 20 %. ``--cold`` also makes the
virtual environment and every server from nothing, in a folder of its own: many minutes, 11 GB.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import requests

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import fleet as fleets

from infra.tools.cache import Cache

ROOT = Path(__file__).parents[2]
MARGIN = 1.2
CONTROL = ("redis", "thanos-receive", "thanos-query", "web", "control-manager", "relay-server")
SETTLE_SECONDS = 15
REST_SECONDS = 30


@dataclass(frozen=True)
class Figure:
    """One promised figure: what was measured, in which unit, and the limit."""

    what: str
    values: list[float]
    unit: str
    limit: float

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    @property
    def missed(self) -> bool:
        """Whether the median is more than 20 % beyond the limit."""
        return self.median > self.limit * MARGIN

    def line(self) -> str:
        """The figure as a row of the report."""
        verdict = "MISSED" if self.missed else "ok"
        spread = f"{min(self.values):.2f} to {max(self.values):.2f}"
        return (
            f"{self.what:<48} {self.median:>9.2f} {self.unit:<5} "
            f"limit {self.limit:>8.2f}   {spread:<22} {verdict}"
        )


def first_numbers(fleet: fleets.Fleet) -> float:
    """Seconds from the start of `neurox up` to the first GPU utilisation in the API."""
    fleets.await_address(fleet)
    client = fleet.client()

    def numbers() -> bool:
        return any(gpu.utilization is not None for gpu in client.gpus.all())

    fleets.eventually("GPU numbers", numbers, 120)
    return time.monotonic() - fleet.started_at


def sandbox_seconds(fleet: fleets.Fleet) -> float:
    """Seconds from the start of etcd until the cluster's last server was ready."""
    servers = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
    rows = {p["name"]: p for p in fleet.status()["processes"]}
    named = [rows[f"sandbox-1/{server}"] for server in servers]
    return max(p["ready_at"] for p in named) - min(p["started_at"] for p in named)


def resident(fleet: fleets.Fleet, wanted: Callable[[str], bool]) -> list[float]:
    """MiB of resident memory of each wanted process, its children included."""
    return [
        sum(p.memory_info().rss for p in _family(row["pid"])) / 2**20
        for row in fleet.status()["processes"]
        if row["pid"] and wanted(row["name"])
    ]


def cores(fleet: fleets.Fleet, wanted: Callable[[str], bool]) -> float:
    """Cores used by the wanted processes over ``REST_SECONDS``."""
    rows = [r for r in fleet.status()["processes"] if r["pid"] and wanted(r["name"])]
    family = [p for row in rows for p in _family(row["pid"])]
    before = sum(_cpu(p) for p in family)
    began = time.monotonic()
    time.sleep(REST_SECONDS)
    return (sum(_cpu(p) for p in family) - before) / (time.monotonic() - began)


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def signed_in(fleet: fleets.Fleet) -> requests.Session:
    """A browser's session of the admin."""
    browser = requests.Session()
    answer = browser.post(
        f"{fleet.url}/auth/sign-in",
        data={"name": "admin", "password": fleet.password, "next": "/"},
        headers={"Origin": fleet.url},
        timeout=30,
    )
    answer.raise_for_status()
    return browser


def overview_milliseconds(browser: requests.Session, url: str, runs: int = 30) -> list[float]:
    """Milliseconds from request to whole answer, each run."""
    took = []
    for _ in range(runs):
        began = time.perf_counter()
        browser.get(f"{url}/", timeout=30).raise_for_status()
        took.append((time.perf_counter() - began) * 1000)
    return took


def first_visit_kilobytes(fleet: fleets.Fleet) -> float:
    """KB that a browser with an empty cache transfers for the overview, as Chromium counts them."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(f"{fleet.url}/auth/sign-in")
        page.fill("input[name=name]", "admin")
        page.fill("input[name=password]", fleet.password)
        wire = page.context.new_cdp_session(page)
        received: list[float] = []
        wire.send("Network.enable")
        wire.send("Network.clearBrowserCache")
        wire.on("Network.loadingFinished", lambda e: received.append(e["encodedDataLength"]))
        page.click("main button")
        page.wait_for_load_state("networkidle")
        chromium.close()
    return sum(received) / 1000


def _chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        sys.exit("bench-up needs Chromium: apt install chromium")
    return found


def cold_seconds() -> float:
    """Seconds that a first `make up` takes until it can start: virtual environment and servers."""
    beside = Cache.from_env(os.environ).root.parent  # /tmp may be too small for 11 GB
    beside.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="neurox-cold-", dir=beside) as folder:
        venv = Path(folder) / "venv"
        env = {**os.environ, "NEUROX_CACHE": f"{folder}/cache", "PIP_NO_CACHE_DIR": "1"}
        began = time.monotonic()
        install = ["make", "--no-print-directory", f"VENV={venv}", f"{venv}/.local"]
        subprocess.run(install, env=env, cwd=ROOT, check=True)
        subprocess.run([venv / "bin" / "neurox", "tools"], env=env, check=True)
        return time.monotonic() - began


def measure(folder: Path, runs: int) -> list[Figure]:
    """All figures but the cold one; the first is the time to the first GPU numbers."""
    numbers, sandboxes = [], []
    for run in range(runs):
        fleet = fleets.start(folder / str(run), "--no-demo")
        try:
            numbers.append(first_numbers(fleet))
            sandboxes.append(sandbox_seconds(fleet))
            print(f"run {run + 1} of {runs}: {numbers[-1]:.1f} s", file=sys.stderr, flush=True)
            if run == runs - 1:
                rest = at_rest(fleet)
        finally:
            fleet.stop()
    return [
        Figure("up to the first GPU numbers", numbers, "s", 30),
        Figure("the sandbox cluster alone", sandboxes, "s", 6),
        *rest,
    ]


def at_rest(fleet: fleets.Fleet) -> list[Figure]:
    """Memory, CPU and the overview page of a fleet that nobody uses."""
    time.sleep(SETTLE_SECONDS)
    control = [cores(fleet, CONTROL.__contains__)]
    browser = signed_in(fleet)
    overview_milliseconds(browser, fleet.url, 3)
    return [
        Figure("control plane, cores at rest", control, "cores", 0.3),
        Figure(
            "control plane, resident memory",
            [sum(resident(fleet, CONTROL.__contains__))],
            "MiB",
            500,
        ),
        Figure("each agent", resident(fleet, lambda n: "/agent-" in n), "MiB", 45),
        Figure(
            "all of it, resident memory",
            [sum(resident(fleet, lambda _: True)) + _supervisor(fleet)],
            "MiB",
            1.8 * 1024,
        ),
        Figure("overview, request to answer", overview_milliseconds(browser, fleet.url), "ms", 50),
        Figure("overview, first visit", [first_visit_kilobytes(fleet)], "KB", 150),
    ]


def _supervisor(fleet: fleets.Fleet) -> float:
    return psutil.Process(fleet.process.pid).memory_info().rss / 2**20


def main() -> int:
    """Print the report; 1 when a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="also build the servers from nothing")
    asked = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # in the background it is ignored
    cold = cold_seconds() if asked.cold else None
    with tempfile.TemporaryDirectory(prefix="neurox-bench-") as folder:
        figures = measure(Path(folder), asked.runs)
    if cold is not None:
        minutes = (cold + figures[0].median) / 60
        figures.append(Figure("up with nothing cached, to the first numbers", [minutes], "min", 15))
    print("\n".join(figure.line() for figure in figures))
    return 1 if any(figure.missed for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
