"""The records of the clusters that may join."""

from typing import cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from controllers.domain.cluster import Cluster
from controllers.domain.errors import Conflict, NotFound
from controllers.store import keys

_decoder = msgspec.json.Decoder(Cluster)


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
        row = cast(bytes | None, self._redis.hget(keys.CLUSTERS, cluster_id))
        if row is None:
            raise NotFound(f"there is no cluster with the id {cluster_id!r}")
        return _decoder.decode(row)

    def by_name(self, name: str) -> Cluster:
        """The cluster of that name; NotFound when there is none."""
        for cluster in self.all():
            if cluster.name == name:
                return cluster
        raise NotFound(f"there is no cluster {name!r}")

    def add(self, cluster: Cluster) -> None:
        """Store a new cluster; Conflict when its name is taken."""

        def write(pipeline: Pipeline) -> None:
            rows = cast(list[bytes], pipeline.hvals(keys.CLUSTERS))
            if any(_decoder.decode(row).name == cluster.name for row in rows):
                raise Conflict(
                    f"a cluster named {cluster.name!r} exists already; choose another name, or "
                    "ask for a new join token of that one"
                )
            pipeline.multi()
            pipeline.hset(keys.CLUSTERS, cluster.id, msgspec.json.encode(cluster))

        self._redis.transaction(write, keys.CLUSTERS)

    def remove(self, cluster_id: str) -> None:
        """Forget the cluster; NotFound when there is none."""
        if not self._redis.hdel(keys.CLUSTERS, cluster_id):
            raise NotFound(f"there is no cluster with the id {cluster_id!r}")
