"""What both planes have: a namespace of their own, Secrets in it, and a Helm release."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace, Secret
from pulumi_kubernetes.helm.v3 import Release, ReleaseArgs
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from infra.components.charts import Chart
from infra.components.invitation import encoded
from infra.components.values import Values

TIMEOUT_SECONDS = 600
"""What Helm waits for: pods that become ready once their images are fetched."""
HISTORY = 10
"""Revisions that are kept, as by the command helm; the provider alone would keep them all."""
LABELS = {"app.kubernetes.io/part-of": "neurox", "app.kubernetes.io/managed-by": "pulumi"}


@dataclass(frozen=True)
class Place:
    """Where a plane goes: all its resources are children of ``parent``."""

    parent: pulumi.Resource
    name: str
    """What the names of the children begin with."""
    namespace: str
    release: str

    def make_namespace(self, keep: bool) -> Namespace:
        """The namespace. Kept, it outlives the stack: deleting it would delete its volumes."""
        return Namespace(
            f"{self.name}-namespace",
            metadata=ObjectMetaArgs(name=self.namespace, labels=LABELS),
            opts=pulumi.ResourceOptions(parent=self.parent, retain_on_delete=keep),
        )

    def make_secret(
        self,
        name: str,
        texts: Mapping[str, pulumi.Input[str]],
        depends_on: list[pulumi.Resource],
    ) -> Secret:
        """A Secret, which the SDK keeps secret in the stack's state as well."""
        return Secret(
            f"{self.name}-{name}",
            metadata=ObjectMetaArgs(name=name, namespace=self.namespace, labels=LABELS),
            type="Opaque",
            data={key: pulumi.Output.secret(text).apply(encoded) for key, text in texts.items()},
            opts=pulumi.ResourceOptions(parent=self.parent, depends_on=depends_on),
        )

    def make_release(
        self, chart: Chart, values: Values, depends_on: list[pulumi.Resource]
    ) -> Release:
        """The Helm release. One that is replaced goes first: two would share names and ports."""
        return Release(
            f"{self.name}-release",
            ReleaseArgs(
                name=self.release,
                namespace=self.namespace,
                chart=chart.reference,
                repository_opts=chart.repository,
                version=chart.version,
                description=chart.description,
                values=dict(values),
                timeout=TIMEOUT_SECONDS,
                max_history=HISTORY,
            ),
            opts=pulumi.ResourceOptions(
                parent=self.parent, depends_on=depends_on, delete_before_replace=True
            ),
        )
