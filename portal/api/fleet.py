"""All that is known at one moment, read once a request; what is made of it is pure."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from controllers.domain.cluster import Cluster, Node
from controllers.domain.gpu import NOT_GIVEN, Gpu, Holder
from controllers.domain.policy import Group, NodePool, Project, Quota
from controllers.domain.workload import HOLDING, Intent, Workload
from controllers.relay import credential
from controllers.relay.credential import Credential
from controllers.store.states import ClusterMeta
from controllers.store.users import User
from portal.api.stores import Stores
from portal.schemas import FRESH_SECONDS

NEVER_JOINED = Credential()


@dataclass(frozen=True)
class Reported:
    """A cluster and the last that it reported."""

    cluster: Cluster
    meta: ClusterMeta | None
    nodes: list[Node]
    workloads: list[Workload]
    gpus: list[Gpu]
    relay_version: str | None = None
    credential: Credential = NEVER_JOINED

    @cached_property
    def pool_of(self) -> dict[str, str | None]:
        """Node name to pool."""
        return {node.name: node.pool for node in self.nodes}

    @cached_property
    def held(self) -> dict[tuple[str, str], list[tuple[Gpu, Holder]]]:
        """Namespace and pod to the GPUs that the pod holds, each with what it has of it."""
        found: dict[tuple[str, str], list[tuple[Gpu, Holder]]] = {}
        for gpu in self.gpus:
            for holder in gpu.holders:
                if holder.mode != NOT_GIVEN:
                    found.setdefault((holder.namespace, holder.pod), []).append((gpu, holder))
        return found

    @cached_property
    def workload_of(self) -> dict[tuple[str, str], Workload]:
        """Namespace and pod to the workload that the pod belongs to."""
        return {
            (workload.namespace, pod.name): workload
            for workload in self.workloads
            for pod in workload.members
        }

    def holding(self, gpu: Gpu) -> Workload | None:
        """The workload that holds the GPU, the first of several, if it is one that is known."""
        return next(filter(None, map(self.behind, gpu.holders)), None)

    def behind(self, holder: Holder) -> Workload | None:
        """The workload that the pod belongs to, if it is one that is known."""
        return self.workload_of.get((holder.namespace, holder.pod))

    @cached_property
    def gpus_on(self) -> dict[str, list[Gpu]]:
        """Node name to the GPUs that were ever sampled on it."""
        found: dict[str, list[Gpu]] = {}
        for gpu in self.gpus:
            found.setdefault(gpu.node, []).append(gpu)
        return found

    @cached_property
    def workloads_on(self) -> dict[str | None, set[str]]:
        """Node name to the ids of workloads with a pod on it."""
        found: dict[str | None, set[str]] = {}
        for workload in self.workloads:
            for pod in workload.members:
                found.setdefault(pod.node, set()).add(workload.id)
        return found

    @cached_property
    def simulated_nodes(self) -> set[str]:
        """Names of nodes whose GPUs are simulated."""
        return {node.name for node in self.nodes if node.simulated}

    @property
    def reported_at(self) -> float | None:
        """When its last report came in; None when there was none."""
        return None if self.meta is None else self.meta.received_at


@dataclass(frozen=True)
class Fleet:
    """Everything the caller may see. ``now`` is epoch seconds."""

    now: float
    clusters: list[Reported]
    intents: dict[str, Intent]
    pools: dict[str, NodePool]
    groups: dict[str, Group]
    projects: dict[str, Project]
    quotas: dict[str, Quota]
    users: list[User]
    removed: list[Reported] = field(default_factory=list)
    """Clusters that were removed, the last one first, where their history is asked for."""

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes of all clusters."""
        return [node for reported in self.clusters for node in reported.nodes]

    @cached_property
    def simulated_pools(self) -> set[str]:
        """Pools that have nodes, all of them simulated."""
        real = {node.pool for node in self.nodes if not node.simulated}
        return {node.pool for node in self.nodes if node.pool} - real

    @cached_property
    def holding(self) -> list[Workload]:
        """Workloads that are charged for GPUs now."""
        return [w for r in self.clusters for w in r.workloads if w.state in HOLDING]

    def named(self, name: str) -> Reported | None:
        """The cluster of that name."""
        return next((r for r in self.clusters if r.cluster.name == name), None)

    def chosen(self, names: list[str]) -> list[Reported]:
        """The clusters of these names; all of them when none is named."""
        return [r for r in self.clusters if not names or r.cluster.name in names]

    def called(self, workload: Workload) -> str:
        """The name that was asked for; its object in the cluster may need a longer one."""
        intent = self.intents.get(workload.id)
        return intent.spec.name if intent else workload.name

    def user_of(self, workload: Workload) -> str | None:
        """Who submitted it, as far as it is known."""
        intent = self.intents.get(workload.id)
        return intent.user if intent else workload.user

    def oldest_report(self, among: Iterable[Reported] | None = None) -> float | None:
        """When the oldest of the last reports came in: what is made of all is as old as that."""
        every = self.clusters if among is None else among
        return min((r.reported_at for r in every if r.reported_at is not None), default=None)

    def fresh(self, gpu: Gpu) -> bool:
        """Its sample is recent enough to be called live."""
        return self.now - gpu.sampled_at <= FRESH_SECONDS


def read(
    stores: Stores, *, gpus: bool = True, removed: bool = False, only: str | None = None
) -> Fleet:
    """The fleet as Redis holds it now; without ``gpus``, its largest part, where none is shown.

    ``only`` is the name of the one cluster that is asked for: of others nothing is read. One that
    was removed is asked for by its id.
    """
    clusters = [c for c in stores.clusters.all() if only is None or c.name == only]
    gone = stores.clusters.removed() if removed else []
    gone = [c for c in gone if only is None or c.id == only]
    return Fleet(
        now=time.time(),
        clusters=_all_reported(stores, clusters, gpus),
        intents={intent.id: intent for intent in stores.intents.all()},
        pools=stores.pools.all(),
        groups=stores.groups.all(),
        projects=stores.projects.all(),
        quotas=stores.quotas.all(),
        users=stores.users.all(),
        removed=[_retired(stores, cluster) for cluster in gone],
    )


def one(stores: Stores, name: str) -> Reported | None:
    """The cluster of that name, alone."""
    named = [cluster for cluster in stores.clusters.all() if cluster.name == name]
    return next(iter(_all_reported(stores, named[:1], gpus=True)), None)


def removed(stores: Stores, cluster_id: str) -> Reported | None:
    """The removed cluster of that id, alone."""
    found = (each for each in stores.clusters.removed() if each.id == cluster_id)
    return next((_retired(stores, each) for each in found), None)


def _retired(stores: Stores, cluster: Cluster) -> Reported:
    states = stores.states
    return Reported(cluster, None, states.nodes(cluster.id), states.workloads(cluster.id), [])


def _all_reported(stores: Stores, clusters: list[Cluster], gpus: bool) -> list[Reported]:
    ids = [cluster.id for cluster in clusters]
    known = zip(credential.read(stores.redis, ids), stores.links.versions(ids), strict=True)
    return [
        replace(_reported(stores, cluster, gpus), credential=keys, relay_version=version)
        for cluster, (keys, version) in zip(clusters, known, strict=True)
    ]


def _reported(stores: Stores, cluster: Cluster, gpus: bool) -> Reported:
    return Reported(
        cluster=cluster,
        meta=stores.states.meta(cluster.id),
        nodes=stores.states.nodes(cluster.id),
        workloads=stores.states.workloads(cluster.id),
        gpus=stores.samples.all(cluster.id) if gpus else [],
    )
