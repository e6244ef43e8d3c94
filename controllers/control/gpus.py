"""Copy each GPU's last sample from Thanos into Redis, with its time."""

import logging
import re

from controllers.control.gpu_rows import CLOCK_EVENT, HEALTH, INFO, NAMES, rows
from controllers.control.thanos import Thanos
from controllers.domain.errors import Unreachable
from controllers.store.clusters import Clusters
from controllers.store.gpus import Gpus
from controllers.store.states import States

log = logging.getLogger(__name__)

CLUSTER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def values(cluster_id: str) -> str:
    """The query of every series that a GPU's row is made of."""
    tenant = f'tenant_id="{_safe(cluster_id)}"'
    named = f'{{__name__=~"{"|".join(NAMES)}",sensor=~"|gpu",kind=~"|enforced",{tenant}}}'
    # Of what is mostly 0 only what is not, for there is much of it, and whether it is known.
    mostly_0 = f'{{__name__=~"{CLOCK_EVENT}|{HEALTH}",{tenant}}}'
    return f"{named} or ({mostly_0} > 0) or (max by (__name__, node, uuid) ({mostly_0}))"


def times(cluster_id: str) -> str:
    """The query of each GPU's sample time: an instant query's own times are its evaluation's."""
    return f'timestamp({INFO}{{tenant_id="{_safe(cluster_id)}"}})'


class GpuLoop:
    """Every cluster in turn; one that Thanos cannot answer for keeps its last samples.

    A pass ends there, for it may be that Thanos answers nobody; the next one begins with the
    others, so that the series of one cluster cost no other its samples.
    """

    def __init__(self, clusters: Clusters, states: States, gpus: Gpus, thanos: Thanos) -> None:
        self._clusters = clusters
        self._states = states
        self._gpus = gpus
        self._thanos = thanos
        self._failed: dict[str, int] = {}
        """By cluster: the pass that ended there."""
        self._passes = 0

    def step(self) -> None:
        """Copy the samples of every cluster that ever reported."""
        self._passes += 1
        clusters = [each for each in self._clusters.all() if self._states.meta(each.id) is not None]
        for cluster in sorted(clusters, key=lambda each: self._failed.get(each.id, 0)):
            try:
                self._copy(cluster.id)
            except Unreachable as failure:
                if cluster.id not in self._failed:
                    log.warning("GPUs of cluster %s are not renewed: %s", cluster.name, failure)
                self._failed[cluster.id] = self._passes
                return
            if self._failed.pop(cluster.id, None):
                log.info("GPUs of cluster %s are renewed again", cluster.name)
        self._failed.clear()  # of what is left, nothing is there any more

    def _copy(self, cluster_id: str) -> None:
        sampled = self._thanos.instant(times(cluster_id))
        samples = self._thanos.instant(values(cluster_id))
        nodes = self._states.nodes(cluster_id)
        simulated = frozenset(node.name for node in nodes if node.simulated)
        self._gpus.put(cluster_id, rows(samples, sampled, simulated))
        if self._states.meta(cluster_id) is None:  # it was removed meanwhile
            self._gpus.forget(cluster_id)


def _safe(cluster_id: str) -> str:
    """The id, which becomes part of a query: nothing but a UUID's letters may pass."""
    if not CLUSTER_ID.fullmatch(cluster_id):
        raise Unreachable(f"cluster id {cluster_id!r} cannot be part of a query")
    return cluster_id
