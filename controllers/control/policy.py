"""Give each cluster the policy that it decides by."""

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

import msgspec
from redis import Redis

from controllers.control.errands import Errands
from controllers.control.manager import Manager
from controllers.domain.cluster import Node
from controllers.domain.errors import DomainError
from controllers.domain.policy import Group, NodePool, Policy, Project, Quota
from controllers.scheduling.apportion import apportion
from controllers.store import keys
from controllers.store.clusters import Clusters
from controllers.store.documents import Documents
from controllers.store.states import States

log = logging.getLogger(__name__)

SETTLE_SECONDS = 5.0
"""How long a cluster gets to report a policy that was put before it is put again."""


@dataclass(frozen=True)
class Rules:
    """All that admins wrote, each kind in order of names."""

    pools: tuple[NodePool, ...]
    projects: tuple[Project, ...]
    groups: tuple[Group, ...]
    quotas: tuple[Quota, ...]


def capacities(nodes: Iterable[Node]) -> dict[str, int]:
    """GPUs by pool. Nodes that are not ready count: a reboot must not move guarantees."""
    gpus: dict[str, int] = {}
    for node in nodes:
        if node.pool is not None:
            gpus[node.pool] = gpus.get(node.pool, 0) + node.gpus
    return gpus


def shares(
    quotas: Iterable[Quota], clusters: Mapping[str, Mapping[str, int]]
) -> dict[str, tuple[Quota, ...]]:
    """Each cluster's part of every guarantee; ``clusters`` holds GPUs by pool by cluster id."""
    pools: dict[str, dict[str, int]] = {}
    for quota in quotas:
        pools.setdefault(quota.pool, {})[quota.group] = quota.gpus
    parts: dict[str, list[Quota]] = {cluster: [] for cluster in clusters}
    for pool, groups in sorted(pools.items()):
        room = {cluster: gpus.get(pool, 0) for cluster, gpus in clusters.items()}
        for cluster, part in apportion(groups, room).items():
            parts[cluster] += [Quota(pool, group, n) for group, n in sorted(part.items()) if n]
    return {cluster: tuple(part) for cluster, part in parts.items()}


def document(rules: Rules, quotas: tuple[Quota, ...]) -> Policy:
    """One cluster's policy; its revision is a hash of what it says."""
    policy = Policy("", rules.pools, rules.projects, rules.groups, quotas)
    digest = hashlib.sha256(msgspec.json.encode(policy, order="deterministic")).hexdigest()
    return replace(policy, revision=digest[:16])


class Policies:
    """What each cluster's policy should be, read from Redis."""

    def __init__(self, redis: Redis, clusters: Clusters, states: States) -> None:
        self._clusters = clusters
        self._states = states
        self._pools = Documents(redis, keys.POOLS, NodePool)
        self._projects = Documents(redis, keys.PROJECTS, Project)
        self._groups = Documents(redis, keys.GROUPS, Group)
        self._quotas = Documents(redis, keys.QUOTAS, Quota)

    def rules(self) -> Rules:
        """All that admins wrote."""
        return Rules(
            tuple(self._pools.all().values()),
            tuple(self._projects.all().values()),
            tuple(self._groups.all().values()),
            tuple(self._quotas.all().values()),
        )

    def wanted(self) -> dict[str, Policy]:
        """The policy of every cluster that ever reported, by cluster id."""
        rules = self.rules()
        known = [c.id for c in self._clusters.all() if self._states.meta(c.id) is not None]
        gpus = {cluster: capacities(self._states.nodes(cluster)) for cluster in known}
        parts = shares(rules.quotas, gpus)
        return {cluster: document(rules, parts[cluster]) for cluster in known}


class PolicyLoop:
    """Puts a policy wherever the reported revision is another one."""

    def __init__(
        self,
        policies: Policies,
        states: States,
        connect: Callable[[str], Manager],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policies = policies
        self._states = states
        self._connect = connect
        self._monotonic = monotonic
        self._put: dict[str, tuple[str, float]] = {}
        self._errands = Errands()

    def step(self) -> None:
        """One look at every cluster."""
        busy = self._errands.busy
        for cluster, policy in self._policies.wanted().items():
            meta = self._states.meta(cluster)
            other = meta is not None and meta.policy_revision != policy.revision
            if other and cluster not in busy and self._due(cluster, policy):
                # Noted before the call: a cluster that does not answer is not asked again at once.
                self._put[cluster] = (policy.revision, self._monotonic())
                self._errands.run(cluster, partial(self._send, cluster, policy))

    def _due(self, cluster: str, policy: Policy) -> bool:
        revision, at = self._put.get(cluster, ("", 0.0))
        return revision != policy.revision or self._monotonic() - at > SETTLE_SECONDS

    def _send(self, cluster: str, policy: Policy) -> None:
        try:
            with closing(self._connect(cluster)) as manager:
                manager.put_policy(policy)
        except DomainError as failure:
            log.warning("policy %s did not reach %s: %s", policy.revision, cluster, failure)
            return
        log.info("policy %s put to %s", policy.revision, cluster)
