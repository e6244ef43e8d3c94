"""The client's own port: metrics to pass on, health, its own metrics."""

from collections.abc import Callable, Iterator
from http import HTTPStatus

import msgspec
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from controllers.relay.client.gateway import MetricsOut
from controllers.relay.client.joiner import Joiner
from controllers.relay.client.pool import ClientPool
from controllers.relay.client.standing import PATH, Standing
from controllers.relay.client.trust import Trust
from controllers.relay.client.writers import Writers
from controllers.relay.exchange import Problem, Request

_PREFIX = "neurox_relay_client_"


class Local:
    """Routes of the local port."""

    def __init__(
        self,
        metrics_out: MetricsOut,
        writers: Writers,
        pool: Callable[[], ClientPool | None],
        joiner: Joiner,
    ) -> None:
        self._metrics_out = metrics_out
        self._writers = writers
        self._joiner = joiner
        self._pool = pool
        self._registry = CollectorRegistry()
        self._registry.register(ClientMetrics(metrics_out, pool, joiner.trust))

    async def handle(self, request: Request) -> None:
        """Route by method and path."""
        match request.head.method, request.head.path:
            case "POST", "/api/v1/write":
                self._writers.admit(request)
                await self._metrics_out.write(request)
            case "GET", "/healthz":
                request.answer(HTTPStatus.OK, b"ok\n", {"content-type": "text/plain"})
            case "GET", "/readyz":
                self._ready(request)
            case "GET", path if path == PATH:
                request.answer_json(HTTPStatus.OK, msgspec.to_builtins(self._standing()))
            case "GET", "/metrics":
                text = generate_latest(self._registry)
                request.answer(HTTPStatus.OK, text, {"content-type": CONTENT_TYPE_LATEST})
            case _:
                raise Problem(HTTPStatus.NOT_FOUND, "there is nothing here")

    def _standing(self) -> Standing:
        token_id, why = self._joiner.refused or ("", "")
        pool = self._pool()
        refusal = pool.refusal if pool is not None and not pool.links else None
        status = refusal.status if refusal is not None and not refusal.barred else 0
        return Standing(token_id, why, status, self._metrics_out.last)

    def _ready(self, request: Request) -> None:
        pool = self._pool()
        if pool is None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "this cluster has not joined yet")
        if not pool.links:
            why = f": {pool.refusal}" if pool.refusal else ""
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"there is no connection to the hub{why}")
        request.answer(HTTPStatus.OK, b"ok\n", {"content-type": "text/plain"})


class ClientMetrics(Collector):
    """Counts of what is there now."""

    def __init__(
        self, metrics_out: MetricsOut, pool: Callable[[], ClientPool | None], trust: Trust
    ) -> None:
        self._trust = trust
        self._metrics_out = metrics_out
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """Links by state, round trip, writes by status."""
        pool = self._pool()
        links = GaugeMetricFamily(
            _PREFIX + "connections", "Connections to the hub.", labels=["state"]
        )
        if pool is not None:
            yield CounterMetricFamily(
                _PREFIX + "connections_dialled", "Connections made.", value=pool.dials
            )
            yield _refused(pool)
            counts = pool.counts
            links.add_metric(["idle"], counts.idle)
            links.add_metric(["streaming"], counts.busy)
            links.add_metric(["draining"], counts.draining)
            trips = [link.rtt for link in pool.links if link.rtt is not None]
            if trips:
                yield GaugeMetricFamily(
                    _PREFIX + "round_trip_seconds", "Fastest round trip.", value=min(trips)
                )
        yield links
        yield GaugeMetricFamily(
            _PREFIX + "hub_key_refused",
            "1 while the hub shows a key that does not follow from those known here.",
            value=float(bool(self._trust.refusal)),
        )
        writes = CounterMetricFamily(
            _PREFIX + "writes", "Metrics requests by answer.", labels=["status"]
        )
        for status, count in self._metrics_out.requests.items():
            writes.add_metric([str(status)], count)
        yield writes


def _refused(pool: ClientPool) -> Metric:
    family = CounterMetricFamily(
        _PREFIX + "dials_refused", "Connections refused, by answer.", labels=["status", "by"]
    )
    for (status, barred), count in pool.refused.items():
        family.add_metric([str(status), "edge" if barred else "relay-server"], count)
    return family
