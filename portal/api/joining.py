"""What lets one cluster join: a Secret with a single-use token, and the command that uses it."""

import base64

from controllers.domain.cluster import Cluster
from controllers.relay import join
from portal import workload_chart
from portal.api.fleet import Fleet, Reported
from portal.api.shapes.cluster import cluster_out
from portal.api.shapes.values import at
from portal.api.stores import Stores
from portal.schemas import JoinOut
from portal.settings import Settings

TTL_SECONDS = 3600.0

NAMESPACE = "neurox-system"
COMMAND = f"""\
# In bash, with kubectl pointed at the new cluster. Paste the Secret, then press Ctrl-D.
kubectl create namespace {NAMESPACE} --dry-run=client -o yaml | kubectl apply -f - &&
kubectl apply --server-side --force-conflicts -f -"""


def command(settings: Settings) -> str:
    """What to type in the new cluster; it holds no secret."""
    if settings.charts_dir is None:
        return COMMAND + "\n"
    chart = f"{settings.public_url}/charts/{workload_chart.file_name(settings.charts_dir)}"
    words = f"helm upgrade --install {workload_chart.NAME} {chart} --namespace {NAMESPACE}"
    if settings.secure and settings.relay_ca_file is not None:
        authority = base64.b64encode(settings.relay_ca_file.read_bytes()).decode()
        # A real file, for Helm reads it more than once.
        return (
            f"CA=$(mktemp) && base64 -d > $CA <<< {authority}\n"
            f"{COMMAND} &&\n{words} --ca-file $CA\n"
        )
    return f"{COMMAND} &&\n{words}\n"


def join_out(stores: Stores, settings: Settings, fleet: Fleet, reported: Reported) -> JoinOut:
    """A new token for the cluster; a former one that nobody used stops working."""
    token = join.issue(stores.redis, reported.cluster.id, TTL_SECONDS)
    ca_file = settings.relay_ca_file
    authority = ca_file.read_text() if ca_file else None
    kubeconfig = join.kubeconfig(settings.relay_public_url, authority, token.token)
    return JoinOut(
        cluster=cluster_out(fleet, reported),
        secret=join.secret_yaml(kubeconfig),
        command=command(settings),
        expires_at=at(token.expires_at),
    )


def rehearsal(settings: Settings, fleet: Fleet, cluster: Cluster) -> JoinOut:
    """What a dry run answers: everything but a token."""
    reported = Reported(cluster, None, [], [], [])
    expires = at(fleet.now + TTL_SECONDS)
    shown = cluster_out(fleet, reported)
    return JoinOut(cluster=shown, secret="", command=command(settings), expires_at=expires)
