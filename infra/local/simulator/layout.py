"""Where the simulator puts what an agent reads; the agent's settings that point there."""

from dataclasses import dataclass
from pathlib import Path

READY = "ready"
"""Made in the simulator's folder once the first full state of the cluster is written."""
ALLOCATIONS = "allocations.json"


@dataclass(frozen=True)
class NodeFolder:
    """One simulated node's folder."""

    path: Path

    @property
    def scenario(self) -> Path:
        """What the node's NVML answers."""
        return self.path / "scenario"

    @property
    def socket(self) -> Path:
        """The kubelet's pod-resources socket."""
        return self.path / "pod-resources" / "kubelet.sock"

    @property
    def proc(self) -> Path:
        """The node's process tree."""
        return self.path / "proc"

    @property
    def pod_logs(self) -> Path:
        """Folders named after the node's pods, as a kubelet makes them."""
        return self.path / "pods"

    def agent_env(self, library: Path) -> dict[str, str]:
        """The agent's settings but name and address; ``library`` is the built library's folder."""
        return {
            "LD_LIBRARY_PATH": str(library),
            "NEUROX_NVML_SCENARIO": str(self.scenario),
            "NEUROX_AGENT_POD_RESOURCES": str(self.socket),
            "NEUROX_AGENT_POD_LOGS": str(self.pod_logs),
            "NEUROX_AGENT_PROC": str(self.proc),
            # The simulated driver lists that tree's processes, whatever namespace this is.
            "NEUROX_AGENT_HOST_PID": "true",
        }
