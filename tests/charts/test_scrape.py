"""A real Prometheus under the chart's configuration, and agents that are broken or hostile."""

import gzip
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.local.monitoring import LIMITS
from tests.prometheus import Prometheus, prometheus

pytestmark = pytest.mark.slow

CHARTS = Path(__file__).parents[2] / "charts"
SCRAPE_SECONDS = 2
GOOD = b'neurox_gpu_up{node="good",uuid="GPU-1"} 1\n'
MEBIBYTE = 1 << 20
PIECE = b"neurox_evil 1\n" * 5000


def series(labels: str, value: str = "1") -> bytes:
    return f"neurox_evil{{{labels}}} {value}\n".encode()


def dribble() -> Iterator[bytes]:
    while True:
        yield b"neurox_evil 1\n"
        threading.Event().wait(0.5)


def endless() -> Iterator[bytes]:
    while True:
        yield PIECE


def lines(count: int) -> Iterator[bytes]:
    return (series(f'n="{number}"') for number in range(count))


REFUSED: Mapping[str, tuple[Callable[[], Iterable[bytes]], str]] = {
    "samples": (lambda: lines(20_001), "sample limit exceeded"),
    "body": (lambda: [PIECE] * (100 * MEBIBYTE // len(PIECE)), "body size limit exceeded"),
    "endless": (endless, "body size limit exceeded"),
    "bomb": (lambda: [gzip.compress(PIECE * 1500, 1)], "body size limit exceeded"),
    "slow": (dribble, "context deadline exceeded"),
    "value": (lambda: [series(f'a="{"x" * MEBIBYTE}"')], "label_value_length_limit"),
    "name": (lambda: [series(f'{"x" * MEBIBYTE}="a"')], "label_name_length_limit"),
    "labels": (
        lambda: [series(",".join(f'l{number}="x"' for number in range(10_000)))],
        "label_limit",
    ),
    "bytes": (lambda: [GOOD, series('a="XX"').replace(b"XX", b"\xff\xfe")], "invalid UTF-8"),
    "text": (lambda: [GOOD, b"neurox_evil what is this\n"], "parsing"),
    "redirect": (lambda: [], "HTTP status 302"),
    "html": (lambda: [b"<html>"], "Content-Type"),
}
"""By the name of its node: what it serves, and why the scrape fails."""

TAKEN: Mapping[str, bytes] = {
    "good": GOOD,
    "numbers": series('n="1"', "NaN") + series('n="2"', "+Inf") + series('n="3"', "1e308"),
    "twice": series('a="x"', "1") + series('a="x"', "2") + GOOD.replace(b"good", b"twice"),
    "future": f"neurox_evil 7 {int(time.time() + 86400) * 1000}\n".encode(),
    "spoof": b'up{node="good",instance="good",job="agent"} 0\n' + series(""),
}
"""Pages without harm to anybody else."""


class Agent(BaseHTTPRequestHandler):
    """Serves the page that is named by the server's own name."""

    server: "Server"

    def do_GET(self) -> None:
        with suppress(OSError):
            self._head(self.server.node)
            for piece in self.server.page():
                self.wfile.write(piece)

    def _head(self, node: str) -> None:
        self.send_response(302 if node == "redirect" else 200)
        kind = "text/html" if node == "html" else "text/plain; version=0.0.4; charset=utf-8"
        self.send_header("Content-Type", kind)
        if node == "bomb":
            self.send_header("Content-Encoding", "gzip")
        if node == "redirect":
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Server(ThreadingHTTPServer):
    def __init__(self, node: str, page: Callable[[], Iterable[bytes]]) -> None:
        self.node = node
        self.page = page
        super().__init__(("127.0.0.1", 0), Agent)


@contextmanager
def served(node: str, page: Callable[[], Iterable[bytes]]) -> Iterator[str]:
    with Server(node, page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


class Scraped:
    """The Prometheus of the chart, in agent mode, and the one that it writes to."""

    def __init__(self, agent: Prometheus, store: Prometheus) -> None:
        self.agent = agent
        self.store = store

    def targets(self) -> dict[str, Any]:
        """By node."""
        found = self.agent.get("targets")["activeTargets"]
        return {one["labels"]["instance"]: one for one in found}

    def done(self) -> bool:
        """Whether each target was scraped three times, and the store knows."""
        times = self.store.ask("count_over_time(up[5m])")
        return len(times) == len(REFUSED) + len(TAKEN) and min(map(int, times.values())) >= 3


def configuration(render: Any, targets: Mapping[str, str], store: str) -> dict[str, Any]:
    """The chart's own, but for how targets are found and where samples go."""
    objects = render("neurox-workload", {"prometheus": {"scrapeSeconds": SCRAPE_SECONDS}})
    (found,) = (
        yaml.safe_load(each["data"]["prometheus.yml"])
        for each in objects
        if each["kind"] == "ConfigMap" and "prometheus.yml" in each.get("data", {})
    )
    (job,) = found["scrape_configs"]
    del job["kubernetes_sd_configs"]
    meta = "__meta_kubernetes_pod_"
    job["static_configs"] = [
        {
            "targets": [at],
            "labels": {f"{meta}container_port_name": "metrics", f"{meta}node_name": node},
        }
        for node, at in targets.items()
    ]
    found["remote_write"][0]["url"] = f"http://{store}/api/v1/write"
    del found["remote_write"][0]["authorization"]  # the store of the test asks for none
    result: dict[str, Any] = found
    return result


@pytest.fixture(scope="module")
def scraped(render: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    folder = tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        pages = {node: page for node, (page, _) in REFUSED.items()}
        pages |= {node: lambda text=text: [text] for node, text in TAKEN.items()}
        targets = {node: stack.enter_context(served(node, page)) for node, page in pages.items()}
        receiver = prometheus(folder / "store", {}, "--web.enable-remote-write-receiver")
        store = stack.enter_context(receiver)
        own = configuration(render, targets, store.address)
        agent = stack.enter_context(prometheus(folder / "agent", own, "--agent"))
        both = Scraped(agent, store)
        agent.until(both.done)
        yield both


@pytest.mark.parametrize("node", REFUSED)
def test_a_page_beyond_the_limits_is_refused_whole_and_says_why(
    scraped: Scraped, node: str
) -> None:
    target = scraped.targets()[node]
    assert target["health"] == "down"
    assert REFUSED[node][1] in target["lastError"]
    assert scraped.store.ask(f'max_over_time(up{{instance="{node}"}}[5m])') == {node: "0"}
    assert scraped.store.ask(f'{{__name__=~"neurox_.*",instance="{node}"}}') == {}


@pytest.mark.parametrize("node", TAKEN)
def test_the_others_are_scraped_as_if_they_were_alone(scraped: Scraped, node: str) -> None:
    target = scraped.targets()[node]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert scraped.store.ask(f'min_over_time(up{{instance="{node}"}}[5m])') == {node: "1"}
    assert scraped.store.ask("neurox_gpu_up") == {"good": "1", "twice": "1"}


def test_numbers_are_numbers_and_one_series_has_one_value(scraped: Scraped) -> None:
    found = scraped.store.get("query", query='neurox_evil{instance="numbers"}')["result"]
    assert {row["metric"]["n"]: row["value"][1] for row in found} == {
        "1": "NaN",
        "2": "+Inf",
        "3": "1e+308",
    }
    assert len(scraped.store.ask('neurox_evil{instance="twice"}')) == 1


def test_a_time_that_a_page_claims_is_not_believed(scraped: Scraped) -> None:
    assert scraped.store.ask('neurox_evil{instance="future"}') == {"future": "7"}
    (ahead,) = scraped.store.ask('timestamp(neurox_evil{instance="future"}) - time()').values()
    assert float(ahead) <= 0


def test_no_other_series_than_the_agents_comes_through(scraped: Scraped) -> None:
    names = scraped.store.get("label/__name__/values")
    assert set(names) == {"up", "neurox_evil", "neurox_gpu_up"}


def test_prometheus_lives_well_within_its_memory(scraped: Scraped) -> None:
    values = yaml.safe_load((CHARTS / "neurox-workload" / "values.yaml").read_text())
    limit = values["prometheus"]["resources"]["limits"]["memory"].removesuffix("Mi")
    assert scraped.agent.process.poll() is None
    status = Path(f"/proc/{scraped.agent.process.pid}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    assert int(peak) >> 10 < int(limit) / 2


def test_a_fleet_on_this_machine_has_the_limits_of_the_chart(render: Any) -> None:
    (job,) = configuration(render, {}, "")["scrape_configs"]
    assert {name: job.get(name) for name in LIMITS} == LIMITS
