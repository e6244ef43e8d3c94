"""A hub with one cluster that is dispatched to."""

from recording import RecordingManager, report
from redis import Redis

from controllers.control.dispatch import Dispatch
from controllers.control.policy import Policies
from controllers.domain.cluster import Cluster
from controllers.domain.policy import NodePool, Project
from controllers.domain.workload import Intent, WorkloadSpec
from controllers.store import keys
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.intents import Intents
from controllers.store.states import States

SPEC = WorkloadSpec("train", "vision", "vision", "a", 1, 2)
INTENT = Intent("i1", SPEC, "amara", 10.0)


class Hub:
    """One joined cluster, its manager, and the loop."""

    def __init__(self, redis: Redis) -> None:
        self.clusters, self.states, self.intents = Clusters(redis), States(redis), Intents(redis)
        Documents(redis, keys.POOLS, NodePool).put("a", NodePool("a"))
        Documents(redis, keys.PROJECTS, Project).put(
            "vision", Project("vision", namespace="vision")
        )
        self.policies = Policies(redis, self.clusters, self.states)
        self.manager = RecordingManager()
        self.loop = Dispatch(
            self.clusters, self.states, self.intents, self.policies, self.manager.connect
        )

    def join(self, **fields: str) -> None:
        self.clusters.add(Cluster("c1", "one", 0.0))
        self.states.apply("c1", report(**fields))  # type: ignore[arg-type]
