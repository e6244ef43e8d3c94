"""Carry intents to one cluster and note what it answered."""

import logging
import time
from collections.abc import Callable
from contextlib import closing

from controllers.control.manager import Manager
from controllers.domain.errors import NotFound, Refused, Unreachable
from controllers.domain.workload import Intent
from controllers.store.intents import Intents

log = logging.getLogger(__name__)


class Courier:
    """Carries one cluster's intents to its manager and notes what it said."""

    def __init__(
        self,
        intents: Intents,
        connect: Callable[[str], Manager],
        current: Callable[[str], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._intents = intents
        self._connect = connect
        self._current = current
        self._clock = clock

    def deliver(self, cluster: str, create: list[Intent], stop: list[Intent]) -> list[str]:
        """Send all of them; ids of those that the cluster was told to stop.

        Unreachable when the cluster does not answer; a later call sends all of it again.
        """
        with closing(self._connect(cluster)) as manager:
            for intent in create:
                self._create(manager, intent)
            for intent in stop:
                self._stop(manager, intent)
        return [intent.id for intent in stop]

    def _create(self, manager: Manager, intent: Intent) -> None:
        try:
            self._ask(manager, intent)
        except Refused as refusal:
            # As read: by now it may be stopped, or placed elsewhere by the next leader.
            self._intents.change_as_read(intent, refusal=str(refusal))
            log.info("workload %s refused by %s: %s", intent.id, intent.cluster, refusal)
            return
        self._intents.change(intent.id, accepted_at=self._clock(), waiting=None)
        log.info("workload %s taken by %s", intent.id, intent.cluster)

    def _ask(self, manager: Manager, intent: Intent) -> None:
        """Refused when it is so under the policy that the workload was accepted under, or a newer.

        The first answer may be by an older one, and the newest one there before we look: so the
        cluster is asked once more.
        """
        try:
            manager.create(intent)
        except Refused as refusal:
            if not self._current(intent.cluster or ""):
                raise Unreachable(f"its policy is not yet the newest ({refusal})") from refusal
            manager.create(intent)

    def _stop(self, manager: Manager, intent: Intent) -> None:
        try:
            manager.stop(intent.id)
        except NotFound:
            if intent.accepted_at is None:  # it was never made there, and never will be
                self._intents.change(intent.id, cluster=None)
                return
        log.info("workload %s is ending in %s", intent.id, intent.cluster)
