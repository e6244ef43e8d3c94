"""Clusters, and what lets one join."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import SerializationInfo, field_serializer

from portal.schemas.base import FIRST, Grown, Model
from portal.schemas.credential import CredentialOut

HOUR_SECONDS = 3600
ClusterState = Literal["waiting", "connected", "lost", "revoked", "removed"]


class JoinIn(Model):
    """What a join token shall be good for."""

    may_be_absent: ClassVar[bool] = True
    expires_seconds: int = HOUR_SECONDS
    """Until its first use: from a minute to seven days."""
    rebuilt: bool = False
    """The cluster was made anew: whoever uses the token takes the record over, and the keys of the
    former cluster stop working then."""


class ClusterIn(Model):
    """A cluster to be joined."""

    name: str
    description: str = ""
    """For people, in up to 500 characters."""
    labels: dict[str, str] = {}
    """As those of Kubernetes: what you sort your clusters by."""
    expires_seconds: int = HOUR_SECONDS
    """How long its join token is good."""


class ClusterChange(Model):
    """What is to be another way in a cluster's record; what is left out stays as it is."""

    description: str | None = None
    labels: dict[str, str] | None = None
    """All of them, in place of those that it has."""


class ClusterOut(Grown):
    """A cluster and how fresh what we know of it is."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"labels", "removed_at", "relay_version", "credential", "clock_skew_seconds"}
    )

    id: str
    name: str
    description: str
    labels: dict[str, str] = {}
    state: ClusterState
    """waiting: never joined. lost: no report for 45 s. revoked: its access was taken back, and it
    has not joined since. removed: its history is kept."""
    created_at: datetime
    removed_at: datetime | None = None
    reported_at: datetime | None
    report_age_seconds: float | None
    kubernetes_version: str | None
    manager_version: str | None
    relay_version: str | None = None
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
    credential: CredentialOut = CredentialOut()
    clock_skew_seconds: float | None = None
    """How far its clock is ahead of the control plane's, as its relay-client sees it."""
    simulated: bool

    @field_serializer("state")
    def _state_as_the_caller_knows_it(self, state: ClusterState, info: SerializationInfo) -> str:
        return "lost" if state == "revoked" and info.context == FIRST else state


class JoinOut(Grown):
    """What the admin of the new cluster needs; the secret holds a single-use token."""

    later: ClassVar[frozenset[str]] = frozenset(
        {"helm", "pulumi", "preflight", "preflight_command"}
    )

    cluster: ClusterOut
    secret: str
    """A Kubernetes Secret as YAML, with one ``kubeconfig`` key; shown this once."""
    command: str
    """What takes the Secret from standard input and installs the chart, in bash."""
    helm: str = ""
    """Its last line: the chart alone. Empty where this control plane serves no chart."""
    pulumi: str = ""
    """The same as a Pulumi program, which takes the Secret from its configuration."""
    preflight: str = ""
    """A Job, as YAML, that checks the cluster from inside before anything is installed there."""
    preflight_command: str = ""
    expires_at: datetime


class JoinTokenOut(Model):
    """A join token that nobody has used yet; its secret part is known to nobody here."""

    id: str
    """The middle of the token: ``nxj_ID_SECRET``."""
    cluster: str
    expires_at: datetime | None
    """None: it has no end but its first use, as one that Pulumi made."""
    issued_at: datetime | None
    issued_by: str | None
    """Both None for one that Pulumi made."""
    rebuilt: bool


class UpgradeOut(Model):
    """How a joined cluster gets the control plane's version."""

    version: str
    command: str
    """Empty where this control plane serves no chart."""
