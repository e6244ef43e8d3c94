"""What becomes of an agent's series, by the queries that we ask, in a real Prometheus."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import DEVNULL, Popen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.catalogue import METRICS, SCOPE_LABELS
from controllers.control.gpu_rows import CLOCK_EVENT, HEALTH, NAMES, rows
from controllers.control.gpus import times, values
from controllers.control.thanos import Thanos
from controllers.domain.errors import Unreachable
from controllers.domain.gpu import Gpu, Holder, MigDevice, Xid
from infra.local import document
from infra.tools.toolbox import Toolbox

Until = Callable[..., None]
HERE = Path(__file__).parent
SERIES = HERE / "gpus.prom"
SHARED = Gpu(
    "GPU-1",
    "n",
    3,
    "NVIDIA H200",
    0.0,
    utilization=0.75,
    sm_active=0.5,
    tensor_active=0.25,
    memory_used_bytes=4_000_000_000,
    memory_total_bytes=80_000_000_000,
    unattributed_memory_bytes=1_000_000_000,
    power_watts=350.5,
    power_limit_watts=600,
    temperature_celsius=61,
    clock_events=("power_cap",),
    xids=(
        Xid(63, 1, 1764118800.0),
        Xid(13, 2, 1764115200.0, "warning", "application", "Graphics engine exception"),
    ),
    health=2,
    findings=("row_remap", "pcie"),
    recovery_action=1,
    holders=(
        Holder("kube-system", "probe", mode="none", memory_used_bytes=1_000_000),
        Holder("v", "a", "main", "timeslice", (), 0.5, 3_000_000_000, 120, 36_000),
        Holder("v", "b", "main", "timeslice"),
    ),
    driver="580.95.05",
    serial="165",
    pci_bus_id="00000000:18:00.0",
    simulated=True,
)
"""What its first GPU is."""


@pytest.fixture(scope="module")
def scraped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thanos]:
    """A Prometheus that scrapes the file, as tenant t."""
    tools, folder = Toolbox.from_env(), tmp_path_factory.mktemp("prometheus")
    if missing := tools.missing(("prometheus",)):
        pytest.fail(f"`neurox tools` must make {', '.join(missing)} first")
    files = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(HERE)))
    threading.Thread(target=files.serve_forever, daemon=True).start()
    target = {"targets": [f"127.0.0.1:{files.server_port}"], "labels": {"tenant_id": "t"}}
    job = {
        "job_name": "agent",
        "metrics_path": f"/{SERIES.name}",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "honor_labels": True,
        "fallback_scrape_protocol": "PrometheusText0.0.4",
        "static_configs": [target],
    }
    document.write(folder / "prometheus.yml", {"scrape_configs": [job]})
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as probe:
        listen = f"127.0.0.1:{probe.server_port}"
    process = Popen(
        [
            str(tools.path("prometheus")),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={listen}",
        ],
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    yield Thanos(f"http://{listen}")
    process.terminate()
    process.wait(20)
    files.shutdown()
    files.server_close()


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing."""

    def log_message(self, *_: object) -> None:
        pass


def test_the_series_are_those_of_the_agents_catalogue() -> None:
    assert {*NAMES, CLOCK_EVENT, HEALTH} <= METRICS.keys()
    for family in text_string_to_metric_families(SERIES.read_text()):
        for sample in family.samples:
            metric = METRICS[sample.name]
            assert set(sample.labels) == {*SCOPE_LABELS[metric.scope], *metric.labels}


@pytest.mark.slow
def test_a_gpu_is_made_of_what_prometheus_has_of_it(scraped: Thanos, until: Until) -> None:
    def read() -> list[Gpu]:
        try:
            return rows(scraped.instant(values("t")), scraped.instant(times("t")), frozenset("n"))
        except Unreachable:
            return []

    until(read, 30)
    shared, lost, good = read()
    assert shared == replace(SHARED, sampled_at=shared.sampled_at)
    assert (lost.up, lost.health, lost.clock_events) == (False, None, None)
    assert lost.migs == (
        MigDevice("MIG-1", 1, 0, "3g.40gb", 5_000_000_000, 40_000_000_000, 0.4),
        MigDevice("MIG-2", 2, 0, "1g.10gb"),
    )
    assert lost.holders == (Holder("v", "c", "main", "mig", ("MIG-1",)),)
    assert (good.health, good.findings, good.clock_events) == (0, (), ())
