"""The relay-server's own metrics, read on each scrape."""

import time
from collections.abc import Iterator
from dataclasses import asdict

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from controllers.relay.server.doorkeeper import Doorkeeper
from controllers.relay.server.gateway import Gateway
from controllers.relay.server.observed import PREFIX as _PREFIX
from controllers.relay.server.peers import Peers
from controllers.relay.server.pool import Pools


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
        yield from self._of_links()
        yield from self._of_streams()
        yield from self._of_peers()
        yield from self._of_requests()
        yield from self._of_writes()
        limits = GaugeMetricFamily(_PREFIX + "limit", "Limits as they are set.", labels=["limit"])
        for name, value in asdict(self._pools.allowance).items():
            limits.add_metric([name], value)
        yield limits

    def _of_links(self) -> Iterator[Metric]:
        """Bytes and round trips by cluster."""
        size = CounterMetricFamily(
            _PREFIX + "bytes",
            "Bytes over a cluster's connections, frames and all.",
            labels=["cluster", "direction"],
        )
        trips = GaugeMetricFamily(
            _PREFIX + "round_trip_seconds", "The last round trip measured.", labels=["cluster"]
        )
        draining = GaugeMetricFamily(
            _PREFIX + "draining_connections", "Connections that let go.", labels=["cluster"]
        )
        for pool in self._pools:
            size.add_metric([pool.cluster_id, "in"], pool.bytes_in)
            size.add_metric([pool.cluster_id, "out"], pool.bytes_out)
            if pool.links and pool.rtt is not None:
                trips.add_metric([pool.cluster_id], pool.rtt)
            if pool.links:
                leaving = sum(link.draining for link in pool.links)
                draining.add_metric([pool.cluster_id], leaving)
        yield from (size, trips, draining)

    def _of_streams(self) -> Iterator[Metric]:
        observed = self._pools.observed
        yield from observed.open_seconds.collect()
        yield from observed.loop_lag_seconds.collect()
        resets = CounterMetricFamily(
            _PREFIX + "resets", "Streams that were cut, and by whom.", labels=["side", "code"]
        )
        for (side, code), count in observed.resets.items():
            resets.add_metric([side, code], count)
        yield resets

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
            _PREFIX + "refused", "Tokens refused.", labels=["status", "reason"]
        )
        for (status, reason), count in self._doorkeeper.refused.items():
            refused.add_metric([status, reason], count)
        yield refused
        yield from self._of_keys()

    def _of_keys(self) -> Iterator[Metric]:
        """Of all clusters together: which one it was is on its page, and in the log."""
        observed = self._pools.observed
        rotations = CounterMetricFamily(
            _PREFIX + "rotations",
            "New keys of clusters and what became of them.",
            labels=["outcome"],
        )
        for outcome, count in observed.rotations.items():
            rotations.add_metric([outcome], count)
        yield rotations
        revoked = CounterMetricFamily(
            _PREFIX + "revoked",
            "Connections and metrics requests cut because their key was taken back.",
            labels=["kind", "reason"],
        )
        for (kind, reason), count in observed.revoked.items():
            revoked.add_metric([kind, reason], count)
        yield revoked

    def _of_writes(self) -> Iterator[Metric]:
        taken = GaugeMetricFamily(
            _PREFIX + "write_age_seconds",
            "Time since metrics of a cluster were last taken.",
            labels=["cluster"],
        )
        for cluster, last in self._gateway.last.items():
            if last.taken_at is not None:
                taken.add_metric([cluster], max(0.0, time.time() - last.taken_at))
        yield taken
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
