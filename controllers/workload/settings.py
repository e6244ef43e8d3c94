"""Settings of the workload-manager, read once at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class SettingsError(Exception):
    """A setting is missing or wrong; the message names it and its value."""


@dataclass(frozen=True)
class Settings:
    """Where the cluster is and where the manager listens."""

    listen_host: str
    listen_port: int
    namespace: str
    kubeconfig: Path | None
    """None: the service account of the pod it runs in."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``NEUROX_...``; raises SettingsError."""
        listen = env.get("NEUROX_MANAGER_LISTEN", "0.0.0.0:8090")
        host, _, port = listen.rpartition(":")
        if not host or not port.isdecimal() or int(port) > 65535:
            raise SettingsError(
                f"NEUROX_MANAGER_LISTEN must be host:port, not {listen!r} "
                "(chart value: workloadManager.listen)"
            )
        path = env.get("NEUROX_MANAGER_KUBECONFIG")
        if path and not Path(path).is_file():
            raise SettingsError(f"NEUROX_MANAGER_KUBECONFIG: there is no file {path!r}")
        return cls(
            listen_host=host.strip("[]"),
            listen_port=int(port),
            namespace=env.get("NEUROX_NAMESPACE", "neurox-system"),
            kubeconfig=Path(path) if path else None,
        )
