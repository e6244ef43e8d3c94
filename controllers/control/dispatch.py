"""Send each submitted workload to a cluster, and each request to stop after it."""

import logging
import time
from collections.abc import Callable, Iterable
from functools import partial

from redis.exceptions import RedisError

from controllers.control.choice import Candidate, candidate, choose, loaded
from controllers.control.courier import Courier
from controllers.control.errands import Errands
from controllers.control.manager import Manager
from controllers.control.policy import Policies
from controllers.domain.errors import DomainError
from controllers.domain.workload import FINISHED, Intent
from controllers.store.clusters import Clusters
from controllers.store.intents import Intents
from controllers.store.states import States

log = logging.getLogger(__name__)

REST_SECONDS = 2.0
"""How long a cluster that did not take a workload is left alone."""
QUIET_SECONDS = 5.0
"""A full look happens at least this often, even when no intent changed."""


def unsent(intents: Iterable[Intent]) -> list[Intent]:
    """Those that a cluster should still take."""
    return [
        intent
        for intent in intents
        if intent.accepted_at is None
        and intent.refusal is None
        and intent.stop_requested_at is None
    ]


def stopping(intents: Iterable[Intent], told: set[str], finished: set[str]) -> list[Intent]:
    """Those that somebody wants ended and whose cluster does not know it yet."""
    over = told | finished
    return [
        intent
        for intent in intents
        if intent.stop_requested_at is not None
        and intent.cluster is not None
        and intent.id not in over
    ]


class Dispatch:
    """The loop: cheap while nothing changes, a thread a cluster while something does."""

    def __init__(
        self,
        clusters: Clusters,
        states: States,
        intents: Intents,
        policies: Policies,
        connect: Callable[[str], Manager],
    ) -> None:
        self._clusters = clusters
        self._states = states
        self._intents = intents
        self._policies = policies
        self._courier = Courier(intents, connect, self._policy_current)
        self._errands = Errands()
        self._resting: dict[str, float] = {}
        self._told: set[str] = set()
        self._seen = -1
        self._looked_at = float("-inf")
        self._open = False

    def step(self) -> None:
        """Look if there may be work; what was submitted leaves at once."""
        version = self._intents.version()
        quiet = time.monotonic() - self._looked_at < QUIET_SECONDS
        if version == self._seen and not self._open and quiet:
            return
        self._seen, self._looked_at = version, time.monotonic()
        # Looked at before the intents: a call that ends between the two is not made again.
        busy = self._errands.busy
        intents = self._intents.all()
        self._told.intersection_update([intent.id for intent in intents])
        waiting = self._assign(intents)
        ending = stopping(intents, self._told, self._finished(intents))
        self._open = bool(waiting or ending)
        self._send(waiting, ending, busy)

    def _assign(self, intents: list[Intent]) -> list[Intent]:
        """The unsent intents, each with a cluster where one could be chosen."""
        waiting = unsent(intents)
        if not waiting:
            return []
        candidates = {one.cluster: one for one in self._candidates(intents)}
        namespaces = {p.name: p.namespace for p in self._policies.rules().projects}
        placed = (
            intent if intent.cluster in candidates else self._choose(intent, namespaces, candidates)
            for intent in waiting
        )
        return [intent for intent in placed if intent is not None]

    def _choose(
        self, intent: Intent, namespaces: dict[str, str], candidates: dict[str, Candidate]
    ) -> Intent | None:
        spec = intent.spec
        if spec.project not in namespaces:
            return self._note(intent, None, f"project {spec.project!r} does not exist any more")
        choice = choose(spec, namespaces[spec.project], candidates.values())
        if choice.cluster is not None:
            candidates[choice.cluster] = candidates[choice.cluster].with_one_more(spec)
        return self._note(intent, choice.cluster, choice.waiting)

    def _note(self, intent: Intent, cluster: str | None, waiting: str | None) -> Intent | None:
        # The cluster is stored before it is called: after a crash the same one is asked again.
        if (intent.cluster, intent.waiting) == (cluster, waiting):
            return intent
        # None when it was stopped meanwhile, or given to another cluster: this process may have
        # stood still since it read the intent, and another leads by now.
        return self._intents.change_as_read(intent, cluster=cluster, waiting=waiting)

    def _candidates(self, intents: list[Intent]) -> list[Candidate]:
        now = time.time()
        sent = [i for i in intents if i.cluster and i.refusal is None and not i.stop_requested_at]
        return [
            loaded(
                candidate(
                    cluster.id,
                    cluster.name,
                    self._states.meta(cluster.id),
                    self._states.nodes(cluster.id),
                    now,
                ),
                self._states.workloads(cluster.id),
                sent,
            )
            for cluster in self._clusters.all()
        ]

    def _finished(self, intents: list[Intent]) -> set[str]:
        clusters = {i.cluster for i in intents if i.stop_requested_at is not None and i.cluster}
        return {
            workload.id
            for cluster in clusters
            for workload in self._states.workloads(cluster)
            if workload.state in FINISHED
        }

    def _send(self, create: list[Intent], stop: list[Intent], busy: set[str]) -> None:
        # A copy: the calls that end meanwhile write into it.
        resting = {n for n, until in self._resting.copy().items() if time.monotonic() < until}
        for cluster in {i.cluster for i in create + stop if i.cluster} - busy - resting:
            made = [i for i in create if i.cluster == cluster]
            ended = [i for i in stop if i.cluster == cluster]
            self._errands.run(cluster, partial(self._deliver, cluster, made, ended))

    def _deliver(self, cluster: str, create: list[Intent], stop: list[Intent]) -> None:
        try:
            self._told.update(self._courier.deliver(cluster, create, stop))
        except (DomainError, RedisError) as failure:
            log.warning("cluster %s does not take workloads: %s", cluster, failure)
            self._resting[cluster] = time.monotonic() + REST_SECONDS

    def _policy_current(self, cluster: str) -> bool:
        meta = self._states.meta(cluster)
        wanted = self._policies.wanted().get(cluster)
        return meta is not None and wanted is not None and meta.policy_revision == wanted.revision
