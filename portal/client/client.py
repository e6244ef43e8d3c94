"""The client: one object a server and caller."""

from collections.abc import Mapping
from typing import Any

from portal.client.resources import Clusters, Named, Quotas, Resource, Users, Workloads
from portal.client.transport import Transport, parsed, segment
from portal.schemas import (
    AuditOut,
    ClusterOut,
    GpuOut,
    GroupOut,
    JoinTokenOut,
    Me,
    NodeOut,
    OverviewOut,
    PoolOut,
    ProjectOut,
    QuotaOut,
    Series,
    UserOut,
    WorkloadOut,
)


class Client:
    """Calls the public API at ``server`` as the owner of ``token`` or of forwarded ``headers``.

    Every call raises ``ApiError`` when refused and ``Unavailable`` when nothing answers.
    """

    def __init__(
        self, server: str, token: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        self._transport = Transport(server, sent)
        self.clusters = Clusters(self._transport, "/clusters", ClusterOut)
        self.join_tokens = Resource(self._transport, "/join-tokens", JoinTokenOut)
        self.nodes = Resource(self._transport, "/nodes", NodeOut)
        self.gpus = Resource(self._transport, "/gpus", GpuOut)
        self.pools = Named(self._transport, "/pools", PoolOut)
        self.groups = Named(self._transport, "/groups", GroupOut)
        self.projects = Named(self._transport, "/projects", ProjectOut)
        self.quotas = Quotas(self._transport, "/quotas", QuotaOut)
        self.users = Users(self._transport, "/users", UserOut)
        self.workloads = Workloads(self._transport, "/workloads", WorkloadOut)
        self.audit = Resource(self._transport, "/audit", AuditOut)

    def me(self) -> Me:
        """Who is asking."""
        return parsed(Me, self._transport.send("GET", "/me"))

    def overview(self, **query: Any) -> OverviewOut:
        """All that the first page shows but its chart; ``query`` takes ``cluster``."""
        answer = self._transport.send("GET", "/overview", query)
        return parsed(OverviewOut, answer)

    def series(self, name: str, **query: Any) -> Series:
        """A chart: ``utilization``, ``memory``, ``power`` or ``gpus``.

        ``query`` takes from, to, step, by (pool, cluster) and one of cluster, node, gpu, workload.
        """
        answer = self._transport.send("GET", f"/series/{segment(name)}", query)
        return parsed(Series, answer)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()
