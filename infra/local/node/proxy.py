"""kube-proxy, which makes Services work."""

import json

from infra.local.node.layout import PODS, Layout
from infra.local.process import Process
from infra.local.ready import http_ok
from infra.tools.toolbox import Toolbox

HEALTH_PORT = 10256


def process(at: Layout, tools: Toolbox) -> Process:
    """Ready when its first rules stand."""

    def prepare() -> None:
        at.config("kube-proxy.yaml").write_text(json.dumps(configuration(at), indent=2))

    return Process(
        name=f"{at.name}/kube-proxy",
        argv=(str(tools.path("kube-proxy")), f"--config={at.config('kube-proxy.yaml')}"),
        needs=(f"{at.name}/kubelet",),
        prepare=prepare,
        ready=http_ok(HEALTH_PORT, "/livez"),
    )


def configuration(at: Layout) -> dict[str, object]:
    """The KubeProxyConfiguration."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(at.cluster.kubeconfig("kube-proxy"))},
        "clusterCIDR": PODS,
        "hostnameOverride": at.name,
        "healthzBindAddress": f"0.0.0.0:{HEALTH_PORT}",
        # The size of the connection table is the machine's, not the node's.
        "conntrack": {"maxPerCore": 0},
    }
