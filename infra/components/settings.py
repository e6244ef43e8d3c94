"""The configuration of a stack, read once; ``pulumi/Pulumi.yaml`` describes each key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.components.charts import Charts
from infra.components.control_plane import ControlPlane, ControlPlaneArgs
from infra.components.names import ArgumentError
from infra.components.preflight import require_ready
from infra.components.values import from_file
from infra.components.workload_cluster import WorkloadClusterArgs


@dataclass(frozen=True)
class Settings:
    """One control plane and the clusters that join it, each by its name in your kubeconfig."""

    context: str | None
    """None: the current one."""
    control_plane: ControlPlaneArgs
    contexts: Mapping[str, str]
    """Kubeconfig context of each cluster that joins."""
    workload_namespace: str
    workload_values: Mapping[str, Any]
    preflight: bool

    @classmethod
    def from_config(cls, config: pulumi.Config) -> "Settings":
        """What ``pulumi config`` says, else the defaults of Pulumi.yaml. ArgumentError."""
        contexts = _contexts(config.get_object("clusters") or [])
        return cls(
            context=config.get("context") or None,
            control_plane=ControlPlaneArgs(
                host=config.get("host") or "",
                service=config.get("service") or "NodePort",
                clusters=tuple(contexts),
                alerts=config.get_bool("alerts") is True,
                keep_data=config.get_bool("keepData") is not False,
                namespace=config.get("namespace") or "neurox-system",
                create_namespace=config.get_bool("createNamespace") is not False,
                charts=Charts(config.get("charts") or "", config.get("version") or ""),
                values=from_file("valuesFile", config.get("valuesFile") or ""),
            ),
            contexts=contexts,
            workload_namespace=config.get("workloadNamespace") or "neurox-system",
            workload_values=from_file("workloadValuesFile", config.get("workloadValuesFile") or ""),
            preflight=config.get_bool("preflight") is not False,
        )

    def require_ready(self) -> None:
        """Ask every cluster what it lacks, unless ``preflight`` is off. ArgumentError."""
        if self.preflight:
            require_ready("control", self.context, self.control_plane.namespace)
            for context in self.contexts.values():
                require_ready("workload", context, self.workload_namespace)

    def workload_cluster(self, control_plane: ControlPlane, cluster: str) -> WorkloadClusterArgs:
        """One of the clusters of ``contexts``."""
        return WorkloadClusterArgs(
            control_plane=control_plane,
            cluster=cluster,
            namespace=self.workload_namespace,
            values=self.workload_values,
        )


def _contexts(entries: Any) -> dict[str, str]:
    if not isinstance(entries, list):
        raise ArgumentError(f"clusters is a list of NAME=CONTEXT, not {entries!r}")
    found: dict[str, str] = {}
    for entry in entries:
        name, _, context = str(entry).partition("=")
        if not name or not context:
            raise ArgumentError(
                f"clusters: {entry!r} is not NAME=CONTEXT, the name for Neurox and the context "
                "in your kubeconfig"
            )
        if name in found:
            raise ArgumentError(f"clusters names {name!r} twice; each cluster joins once")
        found[name] = context
    return found
