"""Forget what nobody needs any more, and give up what could not be sent for too long."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping

from controllers.control.dispatch import unsent
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
UNSENT_SECONDS = 24 * 3600.0
"""How long a workload may wait to be sent; a start that comes later could surprise its owner."""


def overdue(intents: Iterable[Intent], now: float) -> list[Intent]:
    """Those that no cluster took for so long that somebody has to want them anew."""
    return [intent for intent in unsent(intents) if now - intent.submitted_at > UNSENT_SECONDS]


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
        """Remove outlived intents and reports of removed clusters; give up overdue intents."""
        # In this order, for all of it goes on meanwhile: an intent that is accepted after this is
        # judged next time, a report has a record, and it is not older than its time.
        intents, reported = self._intents.all(), self._states.reported()
        names = {cluster.id: cluster.name for cluster in self._clusters.all()}
        self._give_up(overdue(intents, self._clock()), names)
        metas = {name: self._states.meta(name) for name in names}
        reports = {name: {w.id: w for w in self._states.workloads(name)} for name in names}
        seen = {name: meta.received_at for name, meta in metas.items() if meta is not None}
        gone = outlived(intents, reports, seen, self._clock())
        for intent in gone:
            self._intents.remove(intent)
        orphans = [name for name in reported if name not in names]
        for name in orphans:
            self._states.retire(name)  # a report came in while its cluster was removed
        if gone or orphans:
            log.info("swept %d intents, %d clusters", len(gone), len(orphans))

    def _give_up(self, intents: list[Intent], names: Mapping[str, str]) -> None:
        for intent in intents:
            name = names.get(intent.cluster or "")
            why = f"cluster {name} could not be reached" if name else intent.waiting
            words = (
                f"Not sent within {UNSENT_SECONDS / 3600:g} h: {why or 'no cluster was chosen'}. "
                "Submit it again if it is still wanted."
            )
            # The stop is for a cluster that has it after all, and could not say so. One that was
            # taken since we looked is left alone.
            given_up = {"refusal": words, "stop_requested_at": self._clock()}
            if self._intents.change_as_read(intent, **given_up):
                log.info("workload %s is given up: %s", intent.id, words)
