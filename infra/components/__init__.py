"""Neurox as Pulumi components: a control plane, and clusters that join it in the same program."""

from infra.components.charts import Charts
from infra.components.control_plane import ControlPlane, ControlPlaneArgs
from infra.components.names import ArgumentError
from infra.components.settings import Settings
from infra.components.workload_cluster import WorkloadCluster, WorkloadClusterArgs

__all__ = [
    "ArgumentError",
    "Charts",
    "ControlPlane",
    "ControlPlaneArgs",
    "Settings",
    "WorkloadCluster",
    "WorkloadClusterArgs",
]
