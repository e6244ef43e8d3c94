"""The manager's own metrics, read on each scrape; what it does not know is left out."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from controllers.workload.reflector import Reflector
from controllers.workload.revisions import RevisionLog
from controllers.workload.steering import Steering


class ManagerMetrics(Collector):
    """Collects from the loop and the watches."""

    def __init__(
        self,
        version: str,
        steering: Steering,
        reflectors: Sequence[Reflector[object]],
        revisions: RevisionLog,
        leads: Callable[[], bool],
    ) -> None:
        self._version = version
        self._steering = steering
        self._reflectors = reflectors
        self._revisions = revisions
        self._leads = leads
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def add(self, collector: Collector) -> None:
        """Show those of another part as well."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """The exposition in Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Read everything now."""
        build = GaugeMetricFamily(
            "neurox_manager_build_info", "Version of the manager.", labels=["version"]
        )
        build.add_metric([self._version], 1)
        yield build
        yield GaugeMetricFamily(
            "neurox_manager_leader", "1 while this manager leads.", value=float(self._leads())
        )
        figures = self._steering.figures
        for name, text, value in (
            ("passes", "Passes of the loop.", figures.passes),
            ("releases", "Workloads released.", figures.releases),
            ("release_failures", "Releases that the API server refused.", figures.failures),
        ):
            yield CounterMetricFamily(f"neurox_manager_{name}", text, value=value)
        if figures.passes:
            yield GaugeMetricFamily(
                "neurox_manager_pass_seconds", "Length of the last pass.", value=figures.seconds
            )
        yield from self._watches()
        if self._revisions.published:
            yield self._workloads()

    def _watches(self) -> Iterator[Metric]:
        lists = CounterMetricFamily(
            "neurox_manager_lists", "Whole lists read from the API server.", labels=["path"]
        )
        drift = CounterMetricFamily(
            "neurox_manager_drift",
            "Objects that a list found different from what the watch had told.",
            labels=["path"],
        )
        for reflector in self._reflectors:
            lists.add_metric([reflector.path], reflector.lists)
            drift.add_metric([reflector.path], reflector.drift)
        yield lists
        yield drift

    def _workloads(self) -> Metric:
        family = GaugeMetricFamily(
            "neurox_manager_workloads", "Workloads by state.", labels=["state", "managed"]
        )
        known = self._revisions.delta(None, 0, 0).workloads.values()
        states = Counter((work.state, work.managed) for work in known if work)
        for (state, managed), number in sorted(states.items()):
            family.add_metric([state, str(managed).lower()], number)
        return family
