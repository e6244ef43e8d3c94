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
    """Every cluster in turn; one that Thanos cannot answer for keeps its last samples."""

    def __init__(self, clusters: Clusters, states: States, gpus: Gpus, thanos: Thanos) -> None:
        self._clusters = clusters
        self._states = states
        self._gpus = gpus
        self._thanos = thanos
        self._failing = False

    def step(self) -> None:
        """Copy the samples of every cluster that ever reported."""
        try:
            for cluster in self._clusters.all():
                if self._states.meta(cluster.id) is not None:
                    self._copy(cluster.id)
        except Unreachable as failure:
            if not self._failing:
                log.warning("GPU samples are not renewed: %s", failure)
            self._failing = True
            return
        if self._failing:
            log.info("GPU samples are renewed again")
        self._failing = False

    def _copy(self, cluster_id: str) -> None:
        sampled = self._thanos.instant(times(cluster_id))
        samples = self._thanos.instant(values(cluster_id))
        nodes = self._states.nodes(cluster_id)
        simulated = frozenset(node.name for node in nodes if node.simulated)
        self._gpus.put(cluster_id, rows(samples, sampled, simulated))


def _safe(cluster_id: str) -> str:
    """The id, which becomes part of a query: nothing but a UUID's letters may pass."""
    if not CLUSTER_ID.fullmatch(cluster_id):
        raise Unreachable(f"cluster id {cluster_id!r} cannot be part of a query")
    return cluster_id
