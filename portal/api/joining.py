"""What lets one cluster join: a Secret with a single-use token, and the command that uses it."""

from controllers.domain.cluster import Cluster
from controllers.relay import join
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.values import at
from portal.api.stores import Stores
from portal.schemas import JoinOut
from portal.settings import Settings

TTL_SECONDS = 3600.0

COMMAND = """\
# In a shell whose kubectl context is the new cluster; paste the Secret, then press Ctrl-D:
neurox cluster join --secret -
# Or with kubectl alone, once the workload chart is installed:
kubectl apply --server-side --force-conflicts -f -
"""


def join_out(stores: Stores, settings: Settings, fleet: Fleet, reported: Reported) -> JoinOut:
    """A new token for the cluster; a former one that nobody used stops working."""
    token = join.issue(stores.redis, reported.cluster.id, TTL_SECONDS)
    ca_file = settings.relay_ca_file
    authority = ca_file.read_text() if ca_file else None
    kubeconfig = join.kubeconfig(settings.relay_public_url, authority, token.token)
    return JoinOut(
        cluster=cluster_out(fleet, reported),
        secret=join.secret_yaml(kubeconfig),
        command=COMMAND,
        expires_at=at(token.expires_at),
    )


def rehearsal(fleet: Fleet, cluster: Cluster) -> JoinOut:
    """What a dry run answers: everything but a token."""
    reported = Reported(cluster, None, [], [], [])
    expires = at(fleet.now + TTL_SECONDS)
    shown = cluster_out(fleet, reported)
    return JoinOut(cluster=shown, secret="", command=COMMAND, expires_at=expires)
