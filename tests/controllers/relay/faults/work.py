"""Workloads that the control plane sends to a cluster by its own loop, through the relay."""

import time

from controllers.control.dispatch import Dispatch
from controllers.control.policy import Policies
from controllers.control.relayed import RelayedManager
from controllers.domain.policy import NodePool, Project
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.relay.identity import PrivateKey
from controllers.store import keys
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.intents import Intents
from controllers.store.states import States
from tests.controllers.control.recording import report
from tests.controllers.relay.hub import Hub
from tests.controllers.relay.program import await_that
from tests.controllers.relay.site import Site
from tests.controllers.relay.stream import SERVICE_TOKEN

SPEC = WorkloadSpec("train", "vision", "vision", "a", 1, 2)


class Work:
    """Intents for one cluster."""

    def __init__(self, hub: Hub, site: Site) -> None:
        redis, key = hub.redis, PrivateKey.generate()
        self.intents, self._site = Intents(redis), site
        self._states = States(redis)
        Documents(redis, keys.POOLS, NodePool).put("a", NodePool("a"))
        project = Project("vision", namespace="vision")
        Documents(redis, keys.PROJECTS, Project).put("vision", project)
        clusters = Clusters(redis)
        self.loop = Dispatch(
            clusters,
            self._states,
            self.intents,
            Policies(redis, clusters, self._states),
            lambda name: RelayedManager(hub.internal_url, SERVICE_TOKEN, name, lambda: (key,), {}),
        )

    def submit(self, name: str) -> None:
        """For the cluster, which has just reported."""
        self._states.apply(self._site.cluster_id, report())
        self.intents.add(Intent(name, SPEC, "amara", time.time()))
        self.loop.step()
        assert self.intents.get(name).cluster == self._site.cluster_id

    def stop(self, name: str) -> None:
        """Somebody wants it ended."""
        self.intents.change(name, stop_requested_at=time.time())

    def await_accepted(self, name: str) -> None:
        """The cluster has taken it."""
        await_that(f"{name} is taken", lambda: self._accepted(name))

    def _accepted(self, name: str) -> bool:
        self.loop.step()
        return self.intents.get(name).accepted_at is not None
