"""What lets one cluster join: a Secret with a single-use token, and what installs the chart."""

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
    token = join.waiting(stores.redis, cluster.id)
    if token is None:
        raise NotFound(f"no join token waits for cluster {cluster.name!r}; ask for a new one")
    made_here = token.expires_at < join.NO_END
    return JoinTokenOut(
        id=token.id,
        expires_at=at(token.expires_at) if made_here else None,
        issued_at=moment(stores.join_tokens.issued_at(cluster.id)) if made_here else None,
        issued_by=_issuer(stores, cluster) if made_here else None,
        rebuilt=token.rebuilt,
    )


def _issuer(stores: Stores, cluster: Cluster) -> str | None:
    """Who made its newest token; None when the audit does not reach back so far."""
    made = (e for e in stores.audit.all() if e.cluster_id == cluster.id)
    return next((entry.user for entry in made if entry.action in (ADD, ISSUE)), None)
