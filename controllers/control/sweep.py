"""Forget what nobody needs any more."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from controllers.domain.workload import FINISHED, Intent, Workload
from controllers.store.clusters import Clusters
from controllers.store.intents import Intents
from controllers.store.states import States

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600.0
"""How long an ended intent is kept when only the hub knows of it."""
REPORTED_SECONDS = 3600.0
"""How long it is kept when its cluster's report shows how it ended."""
SETTLE_SECONDS = 120.0
"""How long after taking a workload a cluster may not yet report it."""


def outlived(
    intents: Iterable[Intent],
    reports: Mapping[str, Mapping[str, Workload]],
    seen: Mapping[str, float],
    now: float,
) -> list[str]:
    """Ids of intents to remove.

    ``reports`` holds workloads by id by cluster, ``seen`` the time of each cluster's last report.
    """
    return [intent.id for intent in intents if _outlived(intent, reports, seen, now)]


def _outlived(
    intent: Intent,
    reports: Mapping[str, Mapping[str, Workload]],
    seen: Mapping[str, float],
    now: float,
) -> bool:
    if intent.refusal is not None or (intent.cluster is None and intent.stop_requested_at):
        return now - max(intent.submitted_at, intent.stop_requested_at or 0) > KEPT_SECONDS
    if intent.cluster is None or intent.accepted_at is None:
        return False
    if intent.cluster not in reports:  # the cluster was removed
        return now - intent.accepted_at > KEPT_SECONDS
    workload = reports[intent.cluster].get(intent.id)
    if workload is None:
        return seen.get(intent.cluster, 0.0) - intent.accepted_at > SETTLE_SECONDS
    ended = workload.finished_at or workload.submitted_at or intent.submitted_at
    return workload.state in FINISHED and now - ended > REPORTED_SECONDS


class Sweep:
    """The loop."""

    def __init__(
        self,
        clusters: Clusters,
        states: States,
        intents: Intents,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clusters = clusters
        self._states = states
        self._intents = intents
        self._clock = clock

    def step(self) -> None:
        """Remove outlived intents, and reports of clusters that were removed."""
        # Intents first: one that is accepted after this is judged next time.
        intents = self._intents.all()
        clusters = [cluster.id for cluster in self._clusters.all()]
        reports = {name: {w.id: w for w in self._states.workloads(name)} for name in clusters}
        metas = {name: self._states.meta(name) for name in clusters}
        seen = {name: meta.received_at for name, meta in metas.items() if meta is not None}
        gone = outlived(intents, reports, seen, self._clock())
        for intent in gone:
            self._intents.remove(intent)
        orphans = [name for name in self._states.reported() if name not in clusters]
        for name in orphans:
            self._states.retire(name)  # a report came in while its cluster was removed
        if gone or orphans:
            log.info("swept %d intents, %d clusters", len(gone), len(orphans))
