"""What the agent is told by its environment, read once and refused clearly."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it, its value and what it should be."""


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
        "",
        "`false`: the agent has a pid namespace of its own, in which the driver shows no "
        "processes; when unset, `false` for process 1 and else `true`",
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
        "which names of dcgm-exporter `/dcgm/metrics` has: `off`, `legacy`, `current` or `both`",
    ),
    "NEUROX_AGENT_DCGM_ESTIMATE": Variable(
        "false",
        "`true`: the activity of engines, which a GPU before Hopper tells DCGM alone, is its "
        "utilization there, for cost tools that ask for `DCGM_FI_PROF_GR_ENGINE_ACTIVE`",
    ),
}
"""All that the agent reads of its environment, in the order of the documentation."""

_IN_CLUSTER = "in-cluster"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DCGM = ("off", "legacy", "current", "both")


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
    host_pid: bool
    kube_api: str | None
    kube_token: Path | None
    kube_ca: Path | None
    job_map: Path | None
    interval: float = 1.0
    dcgm: str = "legacy"
    dcgm_estimate: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``env``; SettingsError when a value is missing or wrong."""
        given = {name: env.get(name, "") or one.default for name, one in VARIABLES.items()}
        if not given["NEUROX_AGENT_NODE"]:
            raise SettingsError("NEUROX_AGENT_NODE is not set: give the name of this node")
        host, port = _address("NEUROX_AGENT_LISTEN", given["NEUROX_AGENT_LISTEN"])
        socket = given["NEUROX_AGENT_POD_RESOURCES"]
        # Process 1 is the first one of a pid namespace of its own.
        host_pid = given["NEUROX_AGENT_HOST_PID"] or ("false" if os.getpid() == 1 else "true")
        return cls(
            node=given["NEUROX_AGENT_NODE"],
            host=host,
            port=port,
            pod_resources=Path(socket) if socket else None,
            pod_logs=Path(given["NEUROX_AGENT_POD_LOGS"]),
            proc=_folder("NEUROX_AGENT_PROC", given["NEUROX_AGENT_PROC"]),
            host_pid=_choice("NEUROX_AGENT_HOST_PID", host_pid, ("true", "false")) == "true",
            kube_api=_kube_api(env),
            kube_token=_file(env, "NEUROX_AGENT_KUBE_TOKEN", "token"),
            kube_ca=_file(env, "NEUROX_AGENT_KUBE_CA", "ca.crt"),
            job_map=_file(env, "NEUROX_AGENT_JOB_MAP"),
            interval=_interval("NEUROX_AGENT_INTERVAL", given["NEUROX_AGENT_INTERVAL"]),
            dcgm=_choice("NEUROX_AGENT_DCGM", given["NEUROX_AGENT_DCGM"], DCGM),
            dcgm_estimate=_truth(given, "NEUROX_AGENT_DCGM_ESTIMATE"),
        )


_INTERVAL_LEAST, _INTERVAL_MOST = 0.1, 10.0


def _address(name: str, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{name} must be HOST:PORT, not {value!r}")
    return host.strip("[]"), int(port)


def _interval(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not _INTERVAL_LEAST <= seconds <= _INTERVAL_MOST:
        least, most = f"{_INTERVAL_LEAST:g}", f"{_INTERVAL_MOST:g}"
        raise SettingsError(f"{name} must be {least} to {most} seconds, not {value!r}")
    return seconds


def _folder(name: str, value: str) -> Path:
    path = Path(value)
    if not path.is_dir():
        raise SettingsError(f"{name} must be an existing folder, not {value!r}")
    return path


def _truth(given: Mapping[str, str], name: str) -> bool:
    return _choice(name, given[name], ("true", "false")) == "true"


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsError(
            f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}"
        )
    return value


def _kube_api(env: Mapping[str, str]) -> str | None:
    value = env.get("NEUROX_AGENT_KUBE_API", "")
    if value == _IN_CLUSTER:
        host, port = (env.get(f"KUBERNETES_SERVICE_{part}", "") for part in ("HOST", "PORT"))
        if not host or not port:
            raise SettingsError(
                f"NEUROX_AGENT_KUBE_API={value}, but KUBERNETES_SERVICE_HOST and "
                "KUBERNETES_SERVICE_PORT are not set: this is no pod; give the API server's URL"
            )
        return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    if value and not re.fullmatch(r"https?://[^/\s]+(/\S*)?", value):
        raise SettingsError(f"NEUROX_AGENT_KUBE_API must be in-cluster or a URL, not {value!r}")
    return value or None


def _file(env: Mapping[str, str], name: str, account: str = "") -> Path | None:
    """A path that is given, or in a cluster the service account's."""
    if value := env.get(name, ""):
        return Path(value)
    in_cluster = account and env.get("NEUROX_AGENT_KUBE_API") == _IN_CLUSTER
    return _ACCOUNT / account if in_cluster else None
