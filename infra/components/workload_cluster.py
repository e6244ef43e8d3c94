"""A cluster that joins: its join Secret, and the chart neurox-workload."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi

from infra.components.charts import Charts
from infra.components.control_plane import ControlPlane
from infra.components.names import ArgumentError, require_label
from infra.components.release import Place

RELEASE = "neurox-workload"
"""As the portal's join command calls it; the names of the chart's objects are fixed anyway."""
JOIN_SECRET = "neurox-join"  # noqa: S105 - the name of a Secret


@dataclass(frozen=True)
class WorkloadClusterArgs:
    """Either ``control_plane`` and ``cluster``, or ``join_kubeconfig`` from another place.

    ``values`` takes every value of the chart neurox-workload.
    """

    control_plane: ControlPlane | None = None
    """The control plane of this program, among whose ``clusters`` this one is."""
    cluster: str = ""
    """What Neurox calls this cluster."""
    join_kubeconfig: pulumi.Input[str] | None = field(default=None, repr=False)
    """The ``kubeconfig`` of a join Secret; give it as a Pulumi secret."""
    namespace: str = "neurox-system"
    create_namespace: bool = True
    charts: Charts | None = None
    """None: those of the control plane."""
    values: Mapping[str, Any] = field(default_factory=dict)


class WorkloadCluster(pulumi.ComponentResource):
    """The workload plane of one cluster; its provider says which. Ready once it has joined."""

    namespace: pulumi.Output[str]

    def __init__(
        self, name: str, args: WorkloadClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        require_label("namespace", args.namespace)
        kubeconfig = _kubeconfig(args)
        control_plane = args.control_plane
        charts = args.charts or (control_plane.charts if control_plane else Charts())
        chart = charts.chart("neurox-workload")
        values = _values(args.values)
        super().__init__("neurox:index:WorkloadCluster", name, {}, opts)
        place = Place(self, name, args.namespace, RELEASE)
        first: list[pulumi.Resource] = []
        if args.create_namespace:
            first = [place.make_namespace(keep=False)]
        first = [*first, place.make_secret(JOIN_SECRET, {"kubeconfig": kubeconfig}, first)]
        # Helm waits until the relay-client is connected: there must be somebody to connect to.
        joins = [control_plane.release] if control_plane else []
        self.release = place.make_release(chart, values, [*first, *joins])
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})


def _kubeconfig(args: WorkloadClusterArgs) -> pulumi.Input[str]:
    if (args.control_plane is None) == (args.join_kubeconfig is None):
        raise ArgumentError(
            "give either control_plane, to join it in this program, or join_kubeconfig"
        )
    if args.control_plane is not None:
        return args.control_plane.join_kubeconfig(args.cluster)
    if args.join_kubeconfig is None or args.cluster:
        raise ArgumentError(
            f"cluster {args.cluster!r} goes with control_plane; join_kubeconfig names its own"
        )
    return args.join_kubeconfig


def _values(given: Mapping[str, Any]) -> Mapping[str, Any]:
    if "join" in given:
        raise ArgumentError(f"values: join is the Secret {JOIN_SECRET} here; leave it out")
    return given
