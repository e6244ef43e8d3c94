"""The last sample of every GPU."""

import time
from collections.abc import Callable, Iterable

import msgspec
from redis import Redis

from controllers.domain.gpu import Gpu
from controllers.store import keys

FORGOTTEN_SECONDS = 24 * 3600.0
"""A GPU without a sample for this long is no longer listed."""


class Gpus:
    """A Redis hash a cluster: GPU uuid to its last sample."""

    def __init__(self, redis: Redis, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock

    def put(self, cluster_id: str, gpus: list[Gpu]) -> None:
        """Take samples in; a GPU that has none keeps its last until it is forgotten."""
        key = keys.cluster_gpus(cluster_id)
        known = {gpu.uuid: gpu for gpu in self.all(cluster_id)}
        newer = newest(known, gpus)
        limit = self._clock() - FORGOTTEN_SECONDS
        stale = [uuid for uuid, gpu in (known | newer).items() if gpu.sampled_at < limit]
        with self._redis.pipeline(transaction=True) as pipe:
            if newer:
                rows = {uuid: msgspec.json.encode(gpu) for uuid, gpu in newer.items()}
                pipe.hset(key, mapping=rows)  # type: ignore[arg-type]
            if stale:
                pipe.hdel(key, *stale)
            pipe.execute()

    def forget(self, cluster_id: str) -> None:
        """Drop all samples of the cluster."""
        self._redis.delete(keys.cluster_gpus(cluster_id))

    def all(self, cluster_id: str) -> list[Gpu]:
        """The cluster's GPUs by node and index."""
        rows = self._redis.hvals(keys.cluster_gpus(cluster_id))
        gpus = (msgspec.json.decode(row, type=Gpu) for row in rows)
        return sorted(gpus, key=lambda g: (g.node, g.index, g.uuid))


def newest(known: dict[str, Gpu], samples: Iterable[Gpu]) -> dict[str, Gpu]:
    """The samples that are not older than what is known, by uuid."""
    return {
        gpu.uuid: gpu
        for gpu in samples
        if gpu.uuid not in known or gpu.sampled_at >= known[gpu.uuid].sampled_at
    }
