"""What the simulated node is told by its environment, read once and refused clearly."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.environment import SettingsError
from agent.simulated.profile import Profile, of_product, products

GPUS_MAX = 16
"""Of one node, as no server holds more."""


CLUSTER_CA = "/run/neurox/cluster/ca.crt"
"""Of the ConfigMap kube-root-ca.crt, which every namespace has: to mount it takes no right."""


@dataclass(frozen=True)
class Settings:
    """``pod_resources``, ``pod_logs`` and ``proc`` are those of the agent beside it."""

    cluster: str
    """Two clusters may have a node of one name, but no two have one CA."""
    node: str
    gpus: int
    model: Profile
    scenario: Path
    """The file that the simulated driver reads."""
    device_plugins: Path
    """The kubelet's folder of device plugins, where it has a socket itself."""
    pod_resources: Path
    pod_logs: Path
    proc: Path

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read ``env``; SettingsError when a value is missing or wrong."""
        return cls(
            node=_given(env, "NEUROX_AGENT_NODE", "give the name of this node"),
            cluster=_cluster(Path(env.get("NEUROX_SIMULATED_CLUSTER_CA", CLUSTER_CA))),
            gpus=_gpus(env.get("NEUROX_SIMULATED_GPUS", "8")),
            model=_model(env.get("NEUROX_SIMULATED_MODEL", "NVIDIA-H200")),
            scenario=Path(_given(env, "NEUROX_NVML_SCENARIO", "give the file to write")),
            device_plugins=Path(
                env.get("NEUROX_SIMULATED_DEVICE_PLUGINS", "/var/lib/kubelet/device-plugins")
            ),
            pod_resources=Path(
                _given(env, "NEUROX_AGENT_POD_RESOURCES", "give the kubelet's pod-resources socket")
            ),
            pod_logs=Path(env.get("NEUROX_AGENT_POD_LOGS", "/var/log/pods")),
            proc=Path(env.get("NEUROX_AGENT_PROC", "/proc")),
        )


def _given(env: Mapping[str, str], name: str, step: str) -> str:
    if value := env.get(name, ""):
        return value
    raise SettingsError(f"{name} is not set: {step}")


def _cluster(ca: Path) -> str:
    try:
        return hashlib.sha256(ca.read_bytes()).hexdigest()
    except OSError as error:
        raise SettingsError(
            f"NEUROX_SIMULATED_CLUSTER_CA: {ca} cannot be read ({error.strerror}): "
            "mount the ConfigMap kube-root-ca.crt there"
        ) from None


def _gpus(value: str) -> int:
    if value.isascii() and value.isdecimal() and 1 <= int(value) <= GPUS_MAX:
        return int(value)
    raise SettingsError(
        f"NEUROX_SIMULATED_GPUS must be 1 to {GPUS_MAX}, not {value!r} "
        "(chart value: agent.simulatedGpus.count)"
    )


def _model(value: str) -> Profile:
    if profile := of_product(value):
        return profile
    raise SettingsError(
        f"NEUROX_SIMULATED_MODEL must be one of {', '.join(sorted(products()))}, not {value!r} "
        "(chart value: agent.simulatedGpus.model)"
    )
