"""The kubelet."""

import json
from collections.abc import Callable

from infra.local.node.layout import DNS, KUBELET, SOCKET, Layout
from infra.local.process import Process
from infra.local.ready import http_ok
from infra.tools.toolbox import Toolbox

HEALTH_PORT = 10248


def process(at: Layout, tools: Toolbox, images: Callable[[], None]) -> Process:
    """Ready when it is healthy, which is before its node is Ready. ``images`` come first."""

    def prepare() -> None:
        at.config("kubelet.yaml").write_text(json.dumps(configuration(at), indent=2))
        images()

    return Process(
        name=f"{at.name}/kubelet",
        argv=(
            str(tools.path("kubelet")),
            f"--config={at.config('kubelet.yaml')}",
            f"--kubeconfig={at.cluster.kubeconfig('kubelet')}",
            f"--root-dir={KUBELET}",
            f"--hostname-override={at.name}",
            f"--node-ip={at.address}",
        ),
        needs=(f"{at.name}/containerd", f"{at.name}/kube-apiserver"),
        prepare=prepare,
        ready=http_ok(HEALTH_PORT, "/healthz"),
    )


def configuration(at: Layout) -> dict[str, object]:
    """The KubeletConfiguration."""
    keys = at.cluster
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(keys.certificate("ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(keys.certificate("kubelet")),
        "tlsPrivateKeyFile": str(keys.key("kubelet")),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # Two kubelets on one machine would each take the other's pods for orphans.
        "cgroupRoot": f"/{at.cgroup}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [DNS],
        "clusterDomain": "cluster.local",
        # The machine's resolver is out of reach from the node's network.
        "resolvConf": "",
        "healthzPort": HEALTH_PORT,
        "volumePluginDir": str(KUBELET / "volumeplugins"),
        # A full disk of the developer's must not turn pods away.
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "1%",
            "nodefs.inodesFree": "1%",
            "imagefs.available": "1%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }
