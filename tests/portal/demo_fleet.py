"""A fleet without servers: the demo's asking and the manager's deciding, second by second."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from controllers.domain.policy import LEVELS, Policy, Quota
from controllers.scheduling.apportion import apportion
from controllers.scheduling.decide import decide
from controllers.scheduling.snapshot import Queued, Room, Snapshot, Started
from portal.cli import demo_world
from portal.cli.demo_jobs import Job, Pool, Standing, asks, shape

TICK, LAG = 3, 2
"""Seconds: how often the demo looks, and what a start and an end each take."""


@dataclass
class Work:
    """One workload of the simulation."""

    id: str
    job: Job
    pool: Pool
    cluster: int
    at: int
    ends: int | None = None
    held: dict[str, int] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        return shape(self.job.gpus, self.pool.widest)


class Fleet:
    """Clusters of equal nodes, the first half in pool h200 and the rest in h100, as `up` does."""

    def __init__(self, clusters: int, nodes: int, gpus: int, seed: int) -> None:
        names = ["h200" if at < (nodes + 1) // 2 else "h100" for at in range(nodes)]
        self.gpus = gpus
        self.total = clusters * nodes * gpus
        self.nodes = [
            (c, f"{c}-{at}", pool) for c in range(clusters) for at, pool in enumerate(names)
        ]
        self.pools = []
        for name in sorted(set(names)):
            within = names.count(name) * gpus
            self.pools.append(Pool(name, clusters * within, within, gpus))
        self.quotas = {
            pool.name: demo_world.first_quotas(pool, at, len(self.pools))
            for at, pool in enumerate(self.pools)
        }
        self.work: list[Work] = []
        self.started: Counter[int] = Counter()
        self.gpu_seconds: Counter[int] = Counter()
        self.reasons: Counter[str] = Counter()
        self._random = Random(seed)
        self._policies = [self._policy(cluster, clusters) for cluster in range(clusters)]

    def run(self, seconds: int) -> Iterator[tuple[float, int]]:
        """The allocated ratio and the workloads that wait, second by second."""
        for now in range(seconds):
            self.work = [work for work in self.work if work.ends is None or work.ends > now]
            if now % TICK == 0:
                self._ask(now)
            for cluster, policy in enumerate(self._policies):
                self._decide(cluster, policy, now)
            held = sum(work.job.gpus for work in self.work if work.ends is not None)
            yield held / self.total, sum(work.ends is None for work in self.work)

    def _ask(self, now: int) -> None:
        for pool in self.pools:
            standing = [
                Standing(work.job.gpus, now - work.at if work.ends is None else None)
                for work in self.work
                if work.pool == pool
            ]
            for job in asks(self._random, pool, standing, self.quotas[pool.name]):
                name = f"{now:06}-{len(self.work)}-{job.name}"
                self.work.append(Work(name, job, pool, self._choose(pool, now), now))

    def _choose(self, pool: Pool, now: int) -> int:
        """As the control-manager chooses: the most free GPUs, then the shortest queue."""

        def order(cluster: int) -> tuple[int, int]:
            mine = [work for work in self.work if work.pool == pool and work.cluster == cluster]
            taken = sum(w.job.gpus for w in mine if w.ends is not None or w.at + LAG > now)
            return taken, sum(work.ends is None for work in mine)

        return min(range(len(self._policies)), key=order)

    def _decide(self, cluster: int, policy: Policy, now: int) -> None:
        here = {work.id: work for work in self.work if work.cluster == cluster}
        taken: Counter[str] = Counter()
        for work in here.values():
            taken.update(work.held)
        snapshot = Snapshot(
            rooms=tuple(
                Room(node, pool, self.gpus, self.gpus - taken[node])
                for c, node, pool in self.nodes
                if c == cluster
            ),
            queued=tuple(
                Queued(*_who(work), *work.shape, float(work.at))
                for work in here.values()
                if work.ends is None and work.at + LAG <= now
            ),
            started=tuple(
                Started(*_who(work), work.job.gpus, 0.0)
                for work in here.values()
                if work.ends is not None
            ),
        )
        decision = decide(snapshot, policy, now)
        for action in decision.actions:
            work = here[action.workload]
            work.held = {node: pods * work.shape[1] for node, pods in action.placement.items()}
            work.ends = now + work.job.seconds + LAG
            self.started[work.job.gpus] += 1
            self.gpu_seconds[work.job.gpus] += work.job.gpus * work.job.seconds
        self.reasons.update(reason.code for reason in decision.reasons.values())

    def _policy(self, cluster: int, clusters: int) -> Policy:
        quotas = []
        for pool in self.pools:
            capacity = dict.fromkeys(map(str, range(clusters)), pool.within)
            parts = apportion(self.quotas[pool.name], capacity)[str(cluster)]
            quotas += [Quota(pool.name, group, gpus) for group, gpus in parts.items()]
        return Policy("1", quotas=tuple(quotas))


def _who(work: Work) -> tuple[str, str, str, str, int]:
    persona = work.job.persona
    return work.id, persona.user, persona.group, work.pool.name, LEVELS.index(work.job.level)
