"""A cluster's link: the check-list of its joining, and how the connection fares."""

from datetime import datetime
from typing import Literal

from portal.schemas.base import Model

CheckState = Literal["waiting", "ok", "failed"]
LinkState = Literal["waiting", "connected", "lost", "revoked"]


class Check(Model):
    """One stage on the way from a Secret to GPUs that are seen."""

    key: Literal["name", "tls", "token", "tunnel", "state", "metrics", "gpus"]
    label: str
    state: CheckState
    detail: str
    """What is known of it."""
    fix: str = ""
    """For a stage that failed or is waited for: what to do, in words."""
    command: str = ""
    """And what to type, with kubectl pointed at the cluster."""


class ChecksOut(Model):
    """The stages in order; each needs those before it."""

    cluster: str
    state: CheckState
    """ok: all are. failed: at least one has."""
    heard_age_seconds: float | None
    """Since anything came from the cluster."""
    clock_skew_seconds: float | None = None
    """How far the cluster's clock is ahead of the control plane's."""
    items: list[Check]


class TurnOut(Model):
    """A relay-server's first connection of the cluster came, or its last one went."""

    at: datetime
    connected: bool
    replica: str
    reason: str


class LinkOut(Model):
    """How the control plane and a cluster are connected."""

    cluster: str
    state: LinkState
    """waiting: never connected. lost: no connection now. revoked: its access was taken back."""
    since: datetime | None
    reason: str
    """Why it is not connected, as far as that is known."""
    heard_age_seconds: float | None
    connections: int
    streams: int
    replicas: list[str]
    """The relay-servers that hold its connections."""
    rtt_seconds: float | None
    """The last round trip over the link that was measured."""
    bytes_in: int
    bytes_out: int
    """Over the link since the record was made; metrics come on their own way."""
    metrics_bytes: int
    metrics_age_seconds: float | None
    """Since metrics were last taken."""
    metrics_status: int | None
    """How the last were answered."""
    clock_skew_seconds: float | None
    """How far the cluster's clock is ahead of the control plane's."""
    relay_version: str | None
    manager_version: str | None
    agent_versions: list[str]
    """Empty while the metrics store does not tell."""
    history: list[TurnOut]
    """The last hundred, newest first."""
