"""What travels between the API and its clients: typed once, used by server, SDK, CLI and pages.

Times are RFC 3339 UTC; ages and durations seconds; ratios 0 to 1; memory bytes; ``null`` is
unknown, never zero. ``report_age_seconds`` tells how old a cluster's word is (of several: the
oldest), ``sample_age_seconds`` how old a reading.
"""

from portal.schemas.base import FRESH_SECONDS, Model, Page
from portal.schemas.cluster import (
    ClusterChange,
    ClusterIn,
    ClusterOut,
    JoinIn,
    JoinOut,
    JoinTokenOut,
    UpgradeOut,
)
from portal.schemas.credential import AuditOut, CredentialOut, RotationOut
from portal.schemas.gpu import ClockEvent, GpuHolder, GpuMig, GpuOut, GpuState, GpuXid, XidKind
from portal.schemas.link import Check, ChecksOut, LinkOut, TurnOut
from portal.schemas.node import NodeOut
from portal.schemas.overview import Attention, MapGpu, MapNode, OverviewOut, Tile
from portal.schemas.policy import (
    GroupIn,
    GroupOut,
    PoolIn,
    PoolOut,
    ProjectIn,
    ProjectOut,
    QuotaIn,
    QuotaOut,
)
from portal.schemas.problem import FieldError, Problem
from portal.schemas.series import Series
from portal.schemas.user import Me, TokenIn, TokenOut, UserIn, UserOut
from portal.schemas.workload import RUNTIME_MOST, PodOut, ReasonOut, WorkloadIn, WorkloadOut

__all__ = [
    "FRESH_SECONDS",
    "RUNTIME_MOST",
    "Attention",
    "AuditOut",
    "Check",
    "ChecksOut",
    "ClockEvent",
    "ClusterChange",
    "ClusterIn",
    "ClusterOut",
    "CredentialOut",
    "FieldError",
    "GpuHolder",
    "GpuMig",
    "GpuOut",
    "GpuState",
    "GpuXid",
    "GroupIn",
    "GroupOut",
    "JoinIn",
    "JoinOut",
    "JoinTokenOut",
    "LinkOut",
    "MapGpu",
    "MapNode",
    "Me",
    "Model",
    "NodeOut",
    "OverviewOut",
    "Page",
    "PodOut",
    "PoolIn",
    "PoolOut",
    "Problem",
    "ProjectIn",
    "ProjectOut",
    "QuotaIn",
    "QuotaOut",
    "ReasonOut",
    "RotationOut",
    "Series",
    "Tile",
    "TokenIn",
    "TokenOut",
    "TurnOut",
    "UpgradeOut",
    "UserIn",
    "UserOut",
    "WorkloadIn",
    "WorkloadOut",
    "XidKind",
]
