"""Where a sandbox cluster keeps its files, and on which ports it listens."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
LISTENERS = (
    "etcd",
    "etcd-peer",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kwok",
)
STAGES = Path(__file__).parents[1] / "files" / "stages.yaml"


@dataclass(frozen=True)
class Layout:
    """Paths and ports of one cluster; nothing is read or written here."""

    name: str
    folder: Path
    ports: dict[str, int]
    address: str = LOOPBACK
    """Where others than its own servers reach the API server."""

    @classmethod
    def of(cls, name: str, folder: Path, port: Callable[[str], int]) -> "Layout":
        """Ask ``port`` for one port each, by names such as ``sandbox-1/etcd``."""
        place = folder.absolute()
        return cls(name, place, {role: port(f"{name}/{role}") for role in LISTENERS})

    def https(self, role: str) -> str:
        """The address of one listener."""
        return f"https://{LOOPBACK}:{self.ports[role]}"

    @property
    def pki(self) -> Path:
        """Certificates and keys."""
        return self.folder / "pki"

    def certificate(self, name: str) -> Path:
        """A certificate by name."""
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """The private key by name."""
        return self.pki / f"{name}.key"

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig by the name of its user."""
        return self.folder / "kubeconfig" / f"{name}.yaml"

    @property
    def etcd_data(self) -> Path:
        """All that must survive a restart besides the keys."""
        return self.folder / "etcd"

    @property
    def scheduler_config(self) -> Path:
        """kube-scheduler's KubeSchedulerConfiguration."""
        return self.folder / "kube-scheduler.yaml"

    @property
    def audit_policy(self) -> Path:
        """What kube-apiserver writes down of each request."""
        return self.folder / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        """Where it does, one event a line."""
        return self.folder / "audit.log"
