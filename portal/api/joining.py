"""What lets one cluster join: a Secret with a single-use token, and the command that uses it."""

import base64
from pathlib import Path

from controllers.domain.cluster import Cluster
from controllers.preflight import job
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
    chart = _chart(settings, settings.charts_dir)
    return _with_authority(settings, f"{COMMAND} &&\nhelm upgrade --install {chart}")


def upgrade_command(settings: Settings) -> str:
    """What to type in a cluster that has joined; what was set there stays. Empty: no chart here."""
    if settings.charts_dir is None:
        return ""
    words = f"helm upgrade {_chart(settings, settings.charts_dir)} --reset-then-reuse-values --wait"
    return _with_authority(settings, f"# With kubectl pointed at the cluster.\n{words}")


def _chart(settings: Settings, folder: Path) -> str:
    chart = f"{settings.public_url}/charts/{workload_chart.file_name(folder)}"
    return f"{workload_chart.NAME} {chart} --namespace {NAMESPACE}"


def _with_authority(settings: Settings, words: str) -> str:
    """The words, which end in a call of Helm, with the CA that it is to trust."""
    if not settings.secure or settings.relay_ca_file is None:
        return f"{words}\n"
    authority = base64.b64encode(settings.relay_ca_file.read_bytes()).decode()
    # A real file, for Helm reads it more than once.
    return f"CA=$(mktemp) && base64 -d > $CA <<< {authority}\n{words} --ca-file $CA\n"


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
        preflight=job.manifest("workload", settings.relay_public_url, authority),
        preflight_command=job.COMMAND,
        expires_at=at(token.expires_at),
    )


def rehearsal(settings: Settings, fleet: Fleet, cluster: Cluster) -> JoinOut:
    """What a dry run answers: everything but a token."""
    reported = Reported(cluster, None, [], [], [])
    expires = at(fleet.now + TTL_SECONDS)
    shown = cluster_out(fleet, reported)
    return JoinOut(cluster=shown, secret="", command=command(settings), expires_at=expires)
