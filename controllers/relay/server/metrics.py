"""The relay-server's own metrics, read on each scrape."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.peers import Peers
from controllers.relay.server.pool import Pools

_PREFIX = "neurox_relay_server_"


class ServerMetrics(Collector):
    """Counts of what is there now; a cluster without links is left out of the gauges."""

    def __init__(
        self, pools: Pools, doorkeeper: Doorkeeper, gateway: Gateway, peers: Peers
    ) -> None:
        self._pools = pools
        self._doorkeeper = doorkeeper
        self._gateway = gateway
        self._peers = peers

    def registry(self) -> CollectorRegistry:
        """A registry with these metrics alone."""
        registry = CollectorRegistry()
        registry.register(self)
        return registry

    def collect(self) -> Iterator[Metric]:
        """Links and streams by cluster, refusals, and metrics passed on."""
        links = GaugeMetricFamily(
            _PREFIX + "connections", "Connections of a cluster.", labels=["cluster", "state"]
        )
        opened = CounterMetricFamily(
            _PREFIX + "streams_opened", "Streams opened to a cluster.", labels=["cluster"]
        )
        for pool in self._pools:
            opened.add_metric([pool.cluster_id], pool.opened)
            if pool.links:
                busy = pool.streams
                links.add_metric([pool.cluster_id, "idle"], len(pool.links) - busy)
                links.add_metric([pool.cluster_id, "streaming"], busy)
        yield links
        yield opened
        yield from self._of_peers()
        yield from self._of_requests()

    def _of_peers(self) -> Iterator[Metric]:
        forwards = CounterMetricFamily(
            _PREFIX + "peer_forwards", "Streams asked of another replica.", labels=["outcome"]
        )
        for outcome, count in self._peers.forwards.items():
            forwards.add_metric([outcome], count)
        yield forwards
        yield GaugeMetricFamily(
            _PREFIX + "peer_streams", "Streams through another replica.", value=self._peers.streams
        )

    def _of_requests(self) -> Iterator[Metric]:
        refused = CounterMetricFamily(
            _PREFIX + "refused", "Tokens refused, by status.", labels=["status"]
        )
        for status, count in self._doorkeeper.refused.items():
            refused.add_metric([status], count)
        yield refused
        writes = CounterMetricFamily(
            _PREFIX + "writes", "Metrics requests passed on.", labels=["cluster", "status"]
        )
        for (cluster, code), count in self._gateway.requests.items():
            writes.add_metric([cluster, str(code)], count)
        yield writes
        size = CounterMetricFamily(
            _PREFIX + "write_bytes", "Bytes of metrics passed on.", labels=["cluster"]
        )
        for cluster, count in self._gateway.bytes.items():
            size.add_metric([cluster], count)
        yield size
