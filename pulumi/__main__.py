"""`pulumi up`: one control plane, and each cluster of the configuration joined to it."""

import pulumi
from pulumi_kubernetes import Provider

from infra.components import ControlPlane, Settings, WorkloadCluster

settings = Settings.from_config(pulumi.Config())
settings.require_ready()
here = pulumi.ResourceOptions(provider=Provider("control-plane", context=settings.context))
control_plane = ControlPlane("neurox", settings.control_plane, here)
for cluster, context in settings.contexts.items():
    there = pulumi.ResourceOptions(provider=Provider(cluster, context=context))
    WorkloadCluster(cluster, settings.workload_cluster(control_plane, cluster), there)

pulumi.export("url", control_plane.url)
pulumi.export("namespace", control_plane.namespace)
pulumi.export("joinCommand", control_plane.join_command)
