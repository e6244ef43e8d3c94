"""What the agent is told by its environment, read once and refused clearly."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A variable is missing or wrong; the message names it, its value and what it should be."""


@dataclass(frozen=True)
class Settings:
    """The agent's settings; every field is the variable ``NEUROX_AGENT_<FIELD>``."""

    node: str
    """The node's name: the label ``node`` of every series."""
    host: str
    port: int
    pod_resources: Path | None
    """The kubelet's pod-resources socket; None leaves allocations out."""
    pod_logs: Path
    """Where the kubelet keeps ``<namespace>_<pod>_<uid>`` folders: pod names by uid."""
    proc: Path
    """The host's process tree."""
    dcgm: str = "legacy"
    """Which names of dcgm-exporter ``/dcgm/metrics`` has: off, legacy, current or both."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``env``; SettingsError when a value is missing or wrong."""
        node = env.get("NEUROX_AGENT_NODE", "")
        if not node:
            raise SettingsError("NEUROX_AGENT_NODE is not set: give the name of this node")
        host, port = _address("NEUROX_AGENT_LISTEN", env.get("NEUROX_AGENT_LISTEN", _LISTEN))
        socket = env.get("NEUROX_AGENT_POD_RESOURCES", "")
        return cls(
            node=node,
            host=host,
            port=port,
            pod_resources=Path(socket) if socket else None,
            pod_logs=Path(env.get("NEUROX_AGENT_POD_LOGS", "/var/log/pods")),
            proc=_folder("NEUROX_AGENT_PROC", env.get("NEUROX_AGENT_PROC", "/proc")),
            dcgm=_choice("NEUROX_AGENT_DCGM", env.get("NEUROX_AGENT_DCGM", "legacy"), _DCGM),
        )


_LISTEN = "127.0.0.1:9479"
_DCGM = ("off", "legacy", "current", "both")


def _address(name: str, value: str) -> tuple[str, int]:
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65535:
        raise SettingsError(f"{name} must be HOST:PORT, not {value!r}")
    return host.strip("[]"), int(port)


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
