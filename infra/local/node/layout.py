"""Where a real node keeps its files, and which addresses it gives out."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.local.sandbox.layout import Layout as ClusterLayout

PODS = "10.244.0.0/24"
DNS = "10.96.0.10"
PORTS = {
    "etcd": 2379,
    "etcd-peer": 2380,
    "kube-apiserver": 6443,
    "kube-controller-manager": 10257,
    "kube-scheduler": 10259,
    "kwok": 10247,
}
"""Those of an ordinary node: its network namespace is empty."""

# As the pods of an ordinary node find them; seen so only inside the node's mount namespace.
CONTAINERD = Path("/var/lib/containerd")
KUBELET = Path("/var/lib/kubelet")
POD_LOGS = Path("/var/log/pods")
SOCKET = Path("/run/containerd/containerd.sock")


@dataclass(frozen=True)
class Layout:
    """A node's name, its address on the network between nodes, and its files."""

    name: str
    folder: Path
    address: str
    prefix: int
    bridge: str
    """The network's bridge on the host."""

    @classmethod
    def read(cls, folder: Path) -> "Layout":
        """What ``write`` left there."""
        found = json.loads((folder / "node.json").read_text())
        return cls(**{**found, "folder": folder})

    def write(self) -> None:
        """Leave it for the process that becomes the node."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.folder / "node.json").write_text(json.dumps(asdict(self), default=str))

    @property
    def identity(self) -> str:
        """Eight hex digits that no other node's folder has."""
        return hashlib.sha256(str(self.folder).encode()).hexdigest()[:8]

    @property
    def cgroup(self) -> str:
        """The control group of its pods."""
        return f"neurox-{self.identity}"

    @property
    def link(self) -> str:
        """The host's end of the node's wire; the kernel takes fifteen letters."""
        return f"nxw{self.identity}"

    @property
    def cluster(self) -> ClusterLayout:
        """The files and ports of its Kubernetes."""
        return ClusterLayout(self.name, self.folder / "kubernetes", PORTS, self.address)

    @property
    def kubeconfig(self) -> Path:
        """The admin's, for use from outside the node."""
        return self.folder / "kubeconfig.yaml"

    @property
    def images(self) -> Path:
        """Archives that every node imports at its start."""
        return self.folder / "images"

    @property
    def volumes(self) -> Path:
        """What claims of the class ``standard`` hold."""
        return self.folder / "volumes"

    def config(self, name: str) -> Path:
        """The configuration file of one of its servers."""
        return self.folder / "config" / name
