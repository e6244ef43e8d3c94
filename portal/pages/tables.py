"""All table pages, told by their columns and filters."""

from flask import Blueprint

from portal.pages.cluster_versions import is_other
from portal.pages.listing import Column, Listing, blueprint
from portal.schemas import (
    ClusterOut,
    GpuOut,
    GroupOut,
    NodeOut,
    PoolOut,
    ProjectOut,
    QuotaOut,
    WorkloadOut,
)

CLUSTERS = Listing(
    "clusters",
    "Clusters",
    ClusterOut,
    (
        Column("name", "Cluster"),
        Column("state", "State"),
        Column("report_age_seconds", "Last report"),
        Column("kubernetes_version", "Kubernetes"),
        Column("manager_version", "Neurox"),
        Column("nodes", "Nodes ready", numeric=True),
        Column("gpus", "GPUs allocated", numeric=True),
        Column("utilization", "GPU utilisation", numeric=True),
        Column("running", "Running", numeric=True),
        Column("queued", "Waiting", numeric=True),
        Column("labels", "Labels", sortable=False),
    ),
    filters=("q", "state"),
    states=("waiting", "connected", "lost", "revoked", "removed"),
    notice=is_other,
)
NODES = Listing(
    "nodes",
    "Nodes",
    NodeOut,
    (
        Column("name", "Node"),
        Column("cluster", "Cluster"),
        Column("pool", "Pool"),
        Column("state", "State"),
        Column("model", "GPU model"),
        Column("gpus", "GPUs allocated", numeric=True),
        Column("utilization", "GPU utilisation", numeric=True),
        Column("memory_used_bytes", "Memory used", numeric=True),
        Column("temperature_celsius", "Hottest", numeric=True),
        Column("power_watts", "Power", numeric=True),
        Column("workloads", "Workloads", numeric=True),
    ),
    filters=("q", "state", "cluster", "pool"),
    states=("ready", "not ready", "cordoned", "unknown"),
    choices=True,
)
GPUS = Listing(
    "gpus",
    "GPUs",
    GpuOut,
    (
        Column("node", "GPU"),
        Column("cluster", "Cluster"),
        Column("model", "Model"),
        Column("pool", "Pool"),
        Column("state", "State"),
        Column("workload", "Workload"),
        Column("user", "User"),
        Column("utilization", "Utilisation", numeric=True),
        Column("sm_active", "SM", numeric=True),
        Column("tensor_active", "Tensor", numeric=True),
        Column("memory_used_bytes", "Memory", numeric=True),
        Column("temperature_celsius", "Temp.", numeric=True),
        Column("power_watts", "Power", numeric=True),
    ),
    filters=("q", "state", "cluster", "node", "pool", "user", "model", "xid_24h"),
    states=("busy", "idle", "allocated", "free", "fault", "stale"),
    sort="node",
    choices=True,
)
POOLS = Listing(
    "pools",
    "Node pools",
    PoolOut,
    (
        Column("name", "Pool"),
        Column("models", "Hardware", sortable=False),
        Column("clusters", "Clusters", sortable=False),
        Column("nodes", "Nodes", numeric=True),
        Column("gpus", "GPUs allocated", numeric=True),
        Column("gpus_guaranteed", "Guaranteed", numeric=True),
        Column("utilization", "GPU utilisation", numeric=True),
        Column("queued", "Waiting", numeric=True),
    ),
)
WORKLOADS = Listing(
    "workloads",
    "Workloads",
    WorkloadOut,
    (
        Column("name", "Workload"),
        Column("state", "Status"),
        Column("project", "Project"),
        Column("user", "User"),
        Column("cluster", "Cluster"),
        Column("pool", "Pool"),
        Column("gpus", "GPUs", numeric=True),
        Column("utilization", "GPU utilisation", numeric=True),
        Column("memory_used_bytes", "GPU memory", numeric=True),
        Column("age_seconds", "Age", numeric=True),
    ),
    filters=("q", "state", "cluster", "project", "group", "pool", "user"),
    states=(
        "Submitted",
        "Queued",
        "Starting",
        "Running",
        "Stopping",
        "Succeeded",
        "Failed",
        "Stopped",
        "Invalid",
    ),
    sort="age_seconds",
    choices=True,
)
GROUPS = Listing(
    "groups",
    "Groups",
    GroupOut,
    (
        Column("name", "Group"),
        Column("description", "Description", sortable=False),
        Column("members", "Members", sortable=False),
        Column("projects", "Projects", sortable=False),
        Column("gpus_guaranteed", "Guaranteed", numeric=True),
        Column("gpus_allocated", "Allocated", numeric=True),
        Column("queued", "Waiting", numeric=True),
    ),
)
PROJECTS = Listing(
    "projects",
    "Projects",
    ProjectOut,
    (
        Column("name", "Project"),
        Column("description", "Description", sortable=False),
        Column("groups", "Groups", sortable=False),
        Column("pools", "Pools", sortable=False),
        Column("level_default", "Level", sortable=False),
        Column("gpus_allocated", "GPUs allocated", numeric=True),
        Column("running", "Running", numeric=True),
        Column("queued", "Waiting", numeric=True),
    ),
)
QUOTAS = Listing(
    "quotas",
    "Quotas",
    QuotaOut,
    (
        Column("pool", "Pool"),
        Column("group", "Group"),
        Column("gpus", "Guaranteed", numeric=True),
        Column("gpus_allocated", "Allocated", numeric=True),
    ),
    filters=("q", "pool", "group"),
    sort="pool",
)
ALL = (CLUSTERS, NODES, GPUS, POOLS, WORKLOADS, GROUPS, PROJECTS, QUOTAS)


def blueprints() -> list[Blueprint]:
    """The pages of all tables."""
    return [blueprint(listing) for listing in ALL]
