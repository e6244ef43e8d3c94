"""Which pod gets which GPUs of its node: pure, lowest free first, stable over time."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from infra.local.simulator.objects import Pod


@dataclass(frozen=True)
class Grant:
    """What a pod was given: GPU indexes of its node by container."""

    node: str
    containers: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def indexes(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(index for _, indexes in self.containers for index in indexes)

    def to_json(self) -> dict[str, Any]:
        """For the allocations file."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Grant":
        """The reverse; KeyError, TypeError or ValueError when it is none."""
        rows = document["containers"]
        containers = tuple((str(name), tuple(map(int, indexes))) for name, indexes in rows)
        return cls(str(document["node"]), containers)


Grants = Mapping[str, Grant]
"""By pod uid."""


def allocate(pods: Iterable[Pod], gpus: Mapping[str, int], before: Grants) -> dict[str, Grant]:
    """Grants of the pods that hold GPUs; one that does not fit its node is left out.

    ``gpus`` is the count by node. What a pod was given ``before`` it keeps while it still fits.
    """
    holding = sorted(
        (pod for pod in pods if pod.holds and pod.gpus and pod.node in gpus),
        key=lambda pod: (pod.created, pod.uid),
    )
    kept = {
        pod.uid: before[pod.uid]
        for pod in holding
        if pod.uid in before and _fits(before[pod.uid], pod, gpus[pod.node])
    }
    free = {name: set(range(count)) for name, count in gpus.items()}
    grants: dict[str, Grant] = {}
    for pod in (*(p for p in holding if p.uid in kept), *(p for p in holding if p.uid not in kept)):
        left = free[pod.node]
        grant = kept.get(pod.uid)
        if grant is None or not left.issuperset(grant.indexes):
            grant = _granted(pod, sorted(left))
        if grant is not None:
            left.difference_update(grant.indexes)
            grants[pod.uid] = grant
    return grants


def _fits(grant: Grant, pod: Pod, gpus: int) -> bool:
    shape = tuple((name, len(indexes)) for name, indexes in grant.containers)
    return grant.node == pod.node and shape == pod.containers and max(grant.indexes) < gpus


def _granted(pod: Pod, left: list[int]) -> Grant | None:
    if len(left) < pod.gpus:
        return None
    containers = []
    for name, count in pod.containers:
        containers.append((name, tuple(left[:count])))
        left = left[count:]
    return Grant(pod.node, tuple(containers))
