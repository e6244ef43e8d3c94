"""Clusters, and what lets one join."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from portal.schemas.base import Model


class ClusterIn(Model):
    """A cluster to be joined."""

    name: str
    description: str = Field("", max_length=500)


class ClusterOut(Model):
    """A cluster and how fresh what we know of it is."""

    id: str
    name: str
    description: str
    state: Literal["waiting", "connected", "lost"]
    """waiting: never joined. lost: no report for 45 s."""
    created_at: datetime
    reported_at: datetime | None
    report_age_seconds: float | None
    kubernetes_version: str | None
    manager_version: str | None
    nodes: int
    nodes_ready: int
    gpus: int
    gpus_allocated: int
    running: int
    queued: int
    utilization: float | None
    sampled_at: datetime | None
    sample_age_seconds: float | None
    """Of the newest GPU reading."""
    simulated: bool


class JoinOut(Model):
    """What the admin of the new cluster needs; the secret holds a single-use token."""

    cluster: ClusterOut
    secret: str
    """A Kubernetes Secret as YAML, with one ``kubeconfig`` key; shown this once."""
    command: str
    preflight: str = ""
    """A Job, as YAML, that checks the cluster from inside before anything is installed there."""
    preflight_command: str = ""
    expires_at: datetime


class UpgradeOut(Model):
    """How a joined cluster gets the control plane's version."""

    version: str
    command: str
    """Empty where this control plane serves no chart."""
