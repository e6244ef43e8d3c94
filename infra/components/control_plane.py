"""The control plane: its chart, and an invitation for each cluster that joins in this program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from infra.components.address import generated_ca, public_url
from infra.components.charts import Charts
from infra.components.invitation import encoded, invite, kubeconfig
from infra.components.names import (
    LONGEST_RELEASE,
    ArgumentError,
    object_name,
    require_clusters,
    require_label,
)
from infra.components.release import Place
from infra.components.values import merged

SERVICES = ("NodePort", "LoadBalancer", "ClusterIP")


@dataclass(frozen=True)
class ControlPlaneArgs:
    """What people decide; ``values`` takes every other value of the chart neurox, and wins."""

    host: str = ""
    """The name or address that people type and clusters dial, without scheme and port."""
    service: str = "NodePort"
    """The type of the edge's Service."""
    clusters: Sequence[str] = ()
    """Names of the clusters that join as WorkloadCluster; each gets a token of its own."""
    ca_certificate: pulumi.Input[str] | None = None
    """PEM that clusters shall trust; none: the edge's own CA, or else what their system trusts."""
    alerts: bool = False
    """Whether the Prometheus Operator, which the cluster must have, is told of lost clusters."""
    keep_data: bool = True
    """Whether volumes, and the namespace that holds them, outlive the stack."""
    namespace: str = "neurox-system"
    create_namespace: bool = True
    charts: Charts = field(default_factory=Charts)
    values: Mapping[str, Any] = field(default_factory=dict)


class ControlPlane(pulumi.ComponentResource):
    """Neurox's control plane. The resource's name is the name of the Helm release as well."""

    url: pulumi.Output[str]
    namespace: pulumi.Output[str]
    join_command: pulumi.Output[str]

    def __init__(
        self, name: str, args: ControlPlaneArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        require_label("ControlPlane's name", name, LONGEST_RELEASE)
        require_label("namespace", args.namespace)
        clusters = require_clusters(args.clusters)
        chart = args.charts.chart("neurox")
        place = Place(self, name, args.namespace, name)
        values = _values(args, f"{name}-invitations" if clusters else "")
        super().__init__("neurox:index:ControlPlane", name, {}, opts)
        self.clusters, self.charts = clusters, args.charts
        first: list[pulumi.Resource] = (
            [place.make_namespace(bool(values["keepData"]))] if args.create_namespace else []
        )
        child = pulumi.ResourceOptions(parent=self)
        # A control plane in another namespace is another one: whoever joined has to join again.
        self._invitations = {
            each: invite(f"{name}-{args.namespace}-{each}", child) for each in clusters
        }
        if clusters:
            records = {each: one.record for each, one in self._invitations.items()}
            first = [*first, place.make_secret(f"{name}-invitations", records, first)]
        self.release = place.make_release(chart, values, first)
        self.url = pulumi.Output.from_input(values["expose"]).apply(public_url)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.join_command = self.url.apply(_join_command)
        self._ca = self._authority(place, args, bool(clusters) and generated_ca(values["expose"]))
        self.register_outputs(
            {"url": self.url, "namespace": self.namespace, "joinCommand": self.join_command}
        )

    def join_kubeconfig(self, cluster: str) -> pulumi.Output[str]:
        """The kubeconfig by which one of ``clusters`` joins, a Pulumi secret. ArgumentError."""
        if cluster not in self._invitations:
            known = ", ".join(self.clusters) or "none"
            raise ArgumentError(
                f"cluster {cluster!r} is not invited: add it to the argument clusters of "
                f"ControlPlane (now: {known})"
            )
        token = self._invitations[cluster].token
        made = pulumi.Output.all(self.url, self._ca, token)
        return pulumi.Output.secret(made.apply(lambda parts: kubeconfig(*parts)))

    def _authority(
        self, place: Place, args: ControlPlaneArgs, generated: bool
    ) -> pulumi.Output[str]:
        """What clusters trust, in base64; empty: what their system trusts."""
        if args.ca_certificate is not None:
            return pulumi.Output.from_input(args.ca_certificate).apply(encoded)
        if not generated:
            return pulumi.Output.from_input("")
        ca = f"{place.namespace}/{object_name(place.release, 'ca')}"
        # By the release's status, which a preview does not know where it makes or changes the
        # release: what is not there yet, or an older chart lacks, is not looked for.
        found = ConfigMap.get(
            f"{place.name}-ca",
            self.release.status.apply(lambda _: ca),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.release]),
        )
        return found.data.apply(lambda data: _certificate(ca, data))


def _values(args: ControlPlaneArgs, invitations: str) -> dict[str, Any]:
    if args.service not in SERVICES:
        raise ArgumentError(f"service {args.service!r} is none of {', '.join(SERVICES)}")
    if invitations and "invitations" in args.values:
        raise ArgumentError("values: invitations is set by the argument clusters; leave it out")
    own = {
        "expose": {"host": args.host, "edge": {"service": args.service}},
        "invitations": {"existingSecret": invitations},
        "keepData": args.keep_data,
        "alerts": {"enabled": args.alerts},
    }
    values = merged(own, args.values)
    if not values["expose"]["host"]:
        public_url(values["expose"])  # refuses an Ingress without a host before anything is made
        if invitations:
            raise ArgumentError("host is empty: clusters need it to dial the control plane")
    return values


def _certificate(config_map: str, data: Mapping[str, str] | None) -> str:
    try:
        return encoded((data or {})["ca.crt"])
    except KeyError:
        raise ArgumentError(
            f"ConfigMap {config_map} holds no ca.crt; the pods of the portal fill it, see why they "
            "do not run, or give ca_certificate"
        ) from None


def _join_command(url: str) -> str:
    return (
        f"NEUROX_SERVER={url} neurox cluster join NAME --context KUBECONTEXT"
        f"  # NEUROX_TOKEN: an admin's API token; or open {url}, Clusters, Join a cluster"
    )
