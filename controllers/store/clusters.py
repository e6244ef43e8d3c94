"""The records of the clusters that may join, and of those that were removed."""

import time
from dataclasses import replace
from typing import Any, cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from controllers.domain.cluster import Cluster
from controllers.domain.errors import Conflict, NotFound
from controllers.store import keys

_decoder = msgspec.json.Decoder(Cluster)
REMOVED_KEPT = 50
"""So many removed clusters are remembered; their metrics stay for as long as Thanos keeps any."""


class Clusters:
    """A Redis hash with one field a cluster id; names are unique."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def all(self) -> list[Cluster]:
        """Every cluster, by name."""
        rows = cast(list[bytes], self._redis.hvals(keys.CLUSTERS))
        return sorted(map(_decoder.decode, rows), key=lambda cluster: cluster.name)

    def get(self, cluster_id: str) -> Cluster:
        """The cluster of that id; NotFound when there is none."""
        return _found(cast(bytes | None, self._redis.hget(keys.CLUSTERS, cluster_id)), cluster_id)

    def by_name(self, name: str) -> Cluster:
        """The cluster of that name; NotFound when there is none."""
        for cluster in self.all():
            if cluster.name == name:
                return cluster
        raise NotFound(f"there is no cluster {name!r}")

    def add(self, cluster: Cluster) -> None:
        """Store a new cluster; Conflict when its name is taken."""

        def write(pipeline: Pipeline) -> None:
            known = map(_decoder.decode, cast(list[bytes], pipeline.hvals(keys.CLUSTERS)))
            # Its own is found by a call that is repeated, as the answer of the first was lost.
            if any(each.name == cluster.name and each.id != cluster.id for each in known):
                raise Conflict(
                    f"a cluster named {cluster.name!r} exists already; choose another name, or "
                    "ask for a new join token of that one"
                )
            pipeline.multi()
            pipeline.hset(keys.CLUSTERS, cluster.id, msgspec.json.encode(cluster))

        self._redis.transaction(write, keys.CLUSTERS)

    def change(self, cluster_id: str, **fields: Any) -> None:
        """Replace fields of the cluster's record; all others stay as they are by then. NotFound."""

        def write(pipeline: Pipeline) -> None:
            known = _found(cast(bytes | None, pipeline.hget(keys.CLUSTERS, cluster_id)), cluster_id)
            changed = replace(known, **fields)
            pipeline.multi()
            pipeline.hset(keys.CLUSTERS, cluster_id, msgspec.json.encode(changed))

        self._redis.transaction(write, keys.CLUSTERS)

    def removed(self) -> list[Cluster]:
        """Clusters that were removed and are remembered, the last one first."""
        rows = cast(list[bytes], self._redis.hvals(keys.CLUSTERS_REMOVED))
        found = map(_decoder.decode, rows)
        return sorted(found, key=lambda cluster: (-(cluster.removed_at or 0.0), cluster.id))

    def remove(self, cluster_id: str) -> list[str]:
        """Remember the cluster as removed; ids that are forgotten for it. NotFound."""

        def write(pipeline: Pipeline) -> None:
            known = _found(cast(bytes | None, pipeline.hget(keys.CLUSTERS, cluster_id)), cluster_id)
            removed = replace(known, removed_at=time.time())
            pipeline.multi()
            pipeline.hset(keys.CLUSTERS_REMOVED, cluster_id, msgspec.json.encode(removed))
            pipeline.hdel(keys.CLUSTERS, cluster_id)

        self._redis.transaction(write, keys.CLUSTERS)
        forgotten = [cluster.id for cluster in self.removed()[REMOVED_KEPT:]]
        if forgotten:
            self._redis.hdel(keys.CLUSTERS_REMOVED, *forgotten)
        return forgotten


def _found(row: bytes | None, cluster_id: str) -> Cluster:
    if row is None:
        raise NotFound(f"there is no cluster with the id {cluster_id!r}")
    return _decoder.decode(row)
