"""What the agent is told by its environment, read once and refused clearly."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent import environment
from agent.environment import SettingsError, if_set
from agent.nvml.driver import DETAILS


@dataclass(frozen=True)
class Variable:
    """One of the environment. ``help`` is what the documentation says of it."""

    default: str
    help: str


VARIABLES: Mapping[str, Variable] = {
    "NEUROX_AGENT_NODE": Variable("", "the node's name: the label `node` of every series"),
    "NEUROX_AGENT_LISTEN": Variable(
        "127.0.0.1:9479", "`HOST:PORT` of `/metrics`, `/dcgm/metrics`, `/healthz` and `/readyz`"
    ),
    "NEUROX_AGENT_POD_RESOURCES": Variable(
        "", "the kubelet's pod-resources socket; without it there are no allocations"
    ),
    "NEUROX_AGENT_POD_LOGS": Variable(
        "/var/log/pods", "where the kubelet keeps pod logs, whose folder names tell pods by uid"
    ),
    "NEUROX_AGENT_PROC": Variable("/proc", "the host's process tree"),
    "NEUROX_AGENT_HOST_PID": Variable(
        "auto",
        "whether the driver shows processes here: `auto`: in the host's pid namespace, and in "
        "another one as soon as it lists a process there; `true`; `false`: it is not asked",
    ),
    "NEUROX_AGENT_KUBE_API": Variable(
        "",
        "`in-cluster` or the API server's URL, to know this node's pods and those that ended; "
        "without it pods are known by their log folders",
    ),
    "NEUROX_AGENT_KUBE_TOKEN": Variable(
        "", "file of the bearer token, read for each request; in a cluster the service account's"
    ),
    "NEUROX_AGENT_KUBE_CA": Variable(
        "", "file of the API server's CA; in a cluster the service account's, else the system's"
    ),
    "NEUROX_AGENT_JOB_MAP": Variable(
        "", "folder where an HPC scheduler writes each GPU's jobs, in dcgm-exporter's format"
    ),
    "NEUROX_AGENT_INTERVAL": Variable("1", "seconds between two readings, 0.1 to 10"),
    "NEUROX_AGENT_DCGM": Variable(
        "legacy",
        "which names of dcgm-exporter `/dcgm/metrics` has: `none`, `legacy`, `current` or `both`",
    ),
    "NEUROX_AGENT_DCGM_ESTIMATE": Variable(
        "false",
        "`true`: the activity of engines, which a GPU before Hopper tells DCGM alone, is its "
        "utilization there, for cost tools that ask for `DCGM_FI_PROF_GR_ENGINE_ACTIVE`",
    ),
    "NEUROX_AGENT_DETAIL": Variable(
        "",
        "what is read beyond the usual, comma-separated: `nvlink`, the bytes of each NVLink; "
        "`tensor`, the activity of each kind of tensor pipe",
    ),
}
"""All that the agent reads of its environment, in the order of the documentation."""

_IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOST_PID = ("auto", "true", "false")
DCGM = ("none", "legacy", "current", "both")


@dataclass(frozen=True)
class Settings:
    """The agent's settings, out of VARIABLES."""

    node: str
    host: str
    port: int
    pod_resources: Path | None
    """None leaves allocations out."""
    pod_logs: Path
    proc: Path
    host_pid: str
    """One of HOST_PID."""
    kube_api: str | None
    kube_token: Path | None
    kube_ca: Path | None
    job_map: Path | None
    interval: float = 1.0
    dcgm: str = "legacy"
    dcgm_estimate: bool = False
    detail: tuple[str, ...] = ()
    """Of DETAILS."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``env``; SettingsError when a value is missing or wrong."""
        given = {name: env.get(name, "") or one.default for name, one in VARIABLES.items()}
        host, port = environment.address(given, "NEUROX_AGENT_LISTEN")
        return cls(
            node=environment.node(given, "NEUROX_AGENT_NODE"),
            host=host,
            port=port,
            pod_resources=if_set(environment.path, given, "NEUROX_AGENT_POD_RESOURCES"),
            pod_logs=environment.path(given, "NEUROX_AGENT_POD_LOGS"),
            proc=environment.folder(given, "NEUROX_AGENT_PROC"),
            host_pid=environment.choice(given, "NEUROX_AGENT_HOST_PID", HOST_PID),
            kube_api=_kube_api(given, env),
            kube_token=_credential(given, "NEUROX_AGENT_KUBE_TOKEN", "token"),
            kube_ca=_credential(given, "NEUROX_AGENT_KUBE_CA", "ca.crt"),
            job_map=if_set(environment.path, given, "NEUROX_AGENT_JOB_MAP"),
            interval=environment.seconds(given, "NEUROX_AGENT_INTERVAL"),
            dcgm=environment.choice(given, "NEUROX_AGENT_DCGM", DCGM),
            dcgm_estimate=environment.truth(given, "NEUROX_AGENT_DCGM_ESTIMATE"),
            detail=environment.choices(given, "NEUROX_AGENT_DETAIL", DETAILS),
        )


def _kube_api(given: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    name = "NEUROX_AGENT_KUBE_API"
    if not given[name]:
        return None
    if given[name] != _IN_CLUSTER:
        return environment.url(given, name)
    host, port = (env.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
    if not host or not port:
        raise SettingsError(
            f"{name}={_IN_CLUSTER}, but KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are "
            "not set: this is no pod; give the API server's URL"
        )
    return environment.url({name: f"https://{environment.joined(host, port)}"}, name)


def _credential(given: Mapping[str, str], name: str, account: str) -> Path | None:
    """A file that is given, or in a cluster the service account's, which may come later."""
    in_cluster = given["NEUROX_AGENT_KUBE_API"] == _IN_CLUSTER
    return if_set(environment.file, given, name) or (_ACCOUNT / account if in_cluster else None)
