"""What lets one cluster join: a Secret with a single-use token, and what installs the chart."""

from collections.abc import Sequence
from dataclasses import dataclass

from controllers.domain.cluster import Cluster
from controllers.domain.errors import NotFound, Refused
from controllers.preflight import job
from controllers.relay import join
from portal.api import installing
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.values import at, moment
from portal.api.stores import Stores
from portal.records import LONGEST, SHORTEST
from portal.schemas import JoinOut, JoinTokenOut
from portal.settings import Settings

ADD, ISSUE = "add", "issue a join token"
"""What the audit calls the two that make a token."""


@dataclass(frozen=True)
class Terms:
    """How long a token is good, and whether it may be used by a cluster that was made anew."""

    expires_seconds: int
    rebuilt: bool = False

    @classmethod
    def of(cls, expires_seconds: int, *, rebuilt: bool = False) -> "Terms":
        """The terms, if the time is within the limits; Refused names them."""
        if not SHORTEST <= expires_seconds <= LONGEST:
            raise Refused(
                "expires_seconds",
                f"expires_seconds is {SHORTEST} (1 minute) to {LONGEST} (7 days), "
                f"not {expires_seconds}",
            )
        return cls(expires_seconds, rebuilt)


def join_out(
    stores: Stores, settings: Settings, fleet: Fleet, reported: Reported, terms: Terms
) -> JoinOut:
    """A new token for the cluster; a former one that nobody used stops working."""
    cluster = reported.cluster
    token = join.issue(
        stores.redis, cluster.id, float(terms.expires_seconds), rebuilt=terms.rebuilt
    )
    ca_file = settings.relay_ca_file
    authority = ca_file.read_text() if ca_file else None
    kubeconfig = join.kubeconfig(settings.relay_public_url, authority, token.token)
    return JoinOut(
        cluster=cluster_out(fleet, reported),
        secret=join.secret_yaml(kubeconfig, cluster.name),
        command=installing.command(settings),
        helm=installing.helm(settings),
        pulumi=installing.pulumi(cluster.name),
        preflight=job.manifest("workload", settings.relay_public_url, authority),
        preflight_command=job.COMMAND,
        expires_at=at(token.expires_at),
    )


def rehearsal(settings: Settings, fleet: Fleet, cluster: Cluster, terms: Terms) -> JoinOut:
    """What a dry run answers: everything but a token."""
    reported = fleet.named(cluster.name) or Reported(cluster, None, [], [], [])
    return JoinOut(
        cluster=cluster_out(fleet, reported),
        secret="",
        command=installing.command(settings),
        helm=installing.helm(settings),
        pulumi=installing.pulumi(cluster.name),
        expires_at=at(fleet.now + terms.expires_seconds),
    )


def waiting_out(stores: Stores, cluster: Cluster) -> JoinTokenOut:
    """The token that waits to be used; NotFound when there is none."""
    found = all_waiting_out(stores, [cluster])
    if not found:
        raise NotFound(f"no join token waits for cluster {cluster.name!r}; ask for a new one")
    return found[0]


def all_waiting_out(stores: Stores, clusters: Sequence[Cluster]) -> list[JoinTokenOut]:
    """The tokens of these clusters that wait to be used."""
    waiting = join.all_waiting(stores.redis, [cluster.id for cluster in clusters])
    issuer = _issuers(stores) if waiting else {}
    return [
        JoinTokenOut(
            id=token.id,
            cluster=cluster.name,
            expires_at=at(token.expires_at) if token.expires_at < join.NO_END else None,
            issued_at=moment(token.issued_at),
            issued_by=issuer.get(cluster.id) if token.issued_at else None,
            rebuilt=token.rebuilt,
        )
        for cluster in clusters
        if (token := waiting.get(cluster.id))
    ]


def _issuers(stores: Stores) -> dict[str, str]:
    """Who made each cluster's newest token, by its id, as far back as the audit reaches."""
    oldest_first = reversed(stores.audit.all())
    return {e.cluster_id: e.user for e in oldest_first if e.action in (ADD, ISSUE)}
