"""What lets one cluster join: a Secret with a single-use token, and what installs the chart."""

from dataclasses import dataclass

from controllers.domain.cluster import Cluster
from controllers.domain.errors import NotFound, Refused
from controllers.preflight import job
from controllers.relay import join
from portal.api import installing
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.values import at
from portal.api.stores import Stores
from portal.schemas import JoinOut, JoinTokenOut
from portal.settings import Settings

SHORTEST, LONGEST = 60, 7 * 86400


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
    token = join.waiting(stores.redis, cluster.id)
    if token is None:
        raise NotFound(f"no join token waits for cluster {cluster.name!r}; ask for a new one")
    expires_at = None if token.expires_at >= join.NO_END else at(token.expires_at)
    return JoinTokenOut(id=token.id, expires_at=expires_at, rebuilt=token.rebuilt)
