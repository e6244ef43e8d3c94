"""How the workload plane gets into a cluster: by Helm, or by a Pulumi program."""

import base64

from portal import workload_chart
from portal.settings import Settings

NAMESPACE = "neurox-system"
COMMAND = f"""\
# In bash, with kubectl pointed at the new cluster. Paste the Secret, then press Ctrl-D.
kubectl create namespace {NAMESPACE} --dry-run=client -o yaml | kubectl apply -f - &&
kubectl apply --server-side --force-conflicts -f -"""
PULUMI = """\
# pip install 'neurox[pulumi]', and in the stack, with the Secret in join.yaml:
#   pulumi config set --secret joinSecret < join.yaml
import pulumi
import pulumi_kubernetes as kubernetes
import yaml

from infra.components import WorkloadCluster, WorkloadClusterArgs

secret = pulumi.Config().require_secret("joinSecret")
WorkloadCluster(
    "NAME",
    WorkloadClusterArgs(
        join_kubeconfig=secret.apply(lambda text: yaml.safe_load(text)["stringData"]["kubeconfig"])
    ),
    # Which cluster that is: a context of your kubeconfig.
    pulumi.ResourceOptions(provider=kubernetes.Provider("NAME", context="NAME")),
)
"""


def command(settings: Settings) -> str:
    """What to type in the new cluster; it holds no secret."""
    line = helm(settings)
    return f"{COMMAND} &&\n{line}" if line else f"{COMMAND}\n"


def helm(settings: Settings) -> str:
    """The one line that installs the chart, or upgrades it. Empty: no chart here."""
    return _call(settings, "helm upgrade --install", "")


def upgrade(settings: Settings) -> str:
    """What to type in a cluster that has joined; what was set there stays. Empty: no chart here."""
    line = _call(settings, "helm upgrade", " --reset-then-reuse-values --wait")
    return line and f"# In bash, with kubectl pointed at the cluster.\n{line}"


def pulumi(name: str) -> str:
    """A whole program for Pulumi; the Secret is in the stack's configuration, encrypted."""
    return PULUMI.replace("NAME", name)


def _call(settings: Settings, verb: str, options: str) -> str:
    folder = settings.charts_dir
    if folder is None:
        return ""
    chart = f"{settings.public_url}/charts/{workload_chart.file_name(folder)}"
    words = f"{verb} {workload_chart.NAME} {chart} --namespace {NAMESPACE}{options}"
    if not settings.secure or settings.relay_ca_file is None:
        return f"{words}\n"
    authority = base64.b64encode(settings.relay_ca_file.read_bytes()).decode()
    # A real file, for Helm reads it more than once.
    return f"CA=$(mktemp) && base64 -d > $CA <<< {authority} && {words} --ca-file $CA\n"
