"""What the agent is told by its environment, read once and refused clearly."""

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
    "NEUROX_AGENT_INTERVAL": Variable("1", "seconds between two readings, 0.1 to 10"),
    "NEUROX_AGENT_DCGM": Variable(
        "legacy",
        "which names of dcgm-exporter `/dcgm/metrics` has: `off`, `legacy`, `current` or `both`",
    ),
}
"""All that the agent reads of its environment, in the order of the documentation."""

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
    interval: float = 1.0
    dcgm: str = "legacy"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``env``; SettingsError when a value is missing or wrong."""
        given = {name: env.get(name, "") or one.default for name, one in VARIABLES.items()}
        if not given["NEUROX_AGENT_NODE"]:
            raise SettingsError("NEUROX_AGENT_NODE is not set: give the name of this node")
        host, port = _address("NEUROX_AGENT_LISTEN", given["NEUROX_AGENT_LISTEN"])
        socket = given["NEUROX_AGENT_POD_RESOURCES"]
        return cls(
            node=given["NEUROX_AGENT_NODE"],
            host=host,
            port=port,
            pod_resources=Path(socket) if socket else None,
            pod_logs=Path(given["NEUROX_AGENT_POD_LOGS"]),
            proc=_folder("NEUROX_AGENT_PROC", given["NEUROX_AGENT_PROC"]),
            interval=_interval("NEUROX_AGENT_INTERVAL", given["NEUROX_AGENT_INTERVAL"]),
            dcgm=_choice("NEUROX_AGENT_DCGM", given["NEUROX_AGENT_DCGM"], DCGM),
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


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise SettingsError(
            f"{name} must be {', '.join(allowed[:-1])} or {allowed[-1]}, not {value!r}"
        )
    return value
