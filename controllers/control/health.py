"""/healthz, /readyz and /metrics of the control-manager."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from redis import Redis
from redis.exceptions import RedisError

from controllers.control.beats import Beats
from controllers.control.leader import Leader
from controllers.store.clusters import Clusters
from controllers.store.states import States

REQUEST_SECONDS = 10.0


class ControlMetrics(Collector):
    """Collected on each scrape; what cannot be read is left out."""

    def __init__(self, redis: Redis, leader: Leader, beats: Beats) -> None:
        self._clusters = Clusters(redis)
        self._states = States(redis)
        self._leader = leader
        self._beats = beats

    def collect(self) -> Iterator[Metric]:
        """The metrics of this process, and how old each cluster's report is."""
        leading = GaugeMetricFamily("neurox_control_leader", "1 while this process leads.")
        leading.add_metric([], float(self._leader.held))
        yield leading
        ages = GaugeMetricFamily(
            "neurox_control_loop_age_seconds",
            "Since the loop's last pass that did not fail.",
            labels=["loop"],
        )
        for loop, age in self._beats.ages().items():
            ages.add_metric([loop], age)
        yield ages
        yield self._reports()

    def _reports(self) -> Metric:
        family = GaugeMetricFamily(
            "neurox_control_report_age_seconds",
            "Since the cluster's last report came in.",
            labels=["cluster"],
        )
        try:
            for cluster in self._clusters.all():
                meta = self._states.meta(cluster.id)
                if meta is not None:
                    family.add_metric([cluster.name], time.time() - meta.received_at)
        except RedisError:
            family.samples.clear()
        return family


class Health:
    """A small HTTP server in a thread of its own."""

    def __init__(self, address: tuple[str, int], redis: Redis, metrics: Collector) -> None:
        registry = CollectorRegistry()
        registry.register(metrics)

        def ready() -> bool:
            try:
                return bool(redis.ping())
            except RedisError:
                return False

        handler = _handler(ready, lambda: generate_latest(registry))
        self._server = ThreadingHTTPServer(address, handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="health", daemon=True
        )

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and free the port."""
        self._server.shutdown()
        self._server.server_close()


def _handler(ready: Callable[[], bool], metrics: Callable[[], bytes]) -> type:
    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS
        server_version = "neurox"
        sys_version = ""

        def do_GET(self) -> None:
            """Answer the three known paths."""
            if self.path == "/healthz":
                self._send(200, b"ok\n")
            elif self.path == "/readyz":
                well = ready()
                self._send(200 if well else 503, b"ok\n" if well else b"redis does not answer\n")
            elif self.path == "/metrics":
                self._send(200, metrics(), CONTENT_TYPE_LATEST)
            else:
                self._send(404, b"not found\n")

        def log_message(self, format: str, *args: object) -> None:
            """Probes are not news."""

        def _send(self, status: int, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
