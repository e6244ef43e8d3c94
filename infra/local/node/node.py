"""A cluster of one real node: its processes, what stands in it, and whether it is up."""

import json
import sys
from pathlib import Path

from infra.images import upstream
from infra.local import step
from infra.local.errors import LocalError
from infra.local.node import containerd, images, kubelet, proxy
from infra.local.node.layout import DNS, SOCKET, Layout
from infra.local.once import Once
from infra.local.process import Process
from infra.local.sandbox import arguments, kubeconfig
from infra.local.sandbox.objects import Objects
from infra.local.sandbox.servers import USERS, Servers, kube_of
from infra.tools.catalogue import GROUPS
from infra.tools.toolbox import Toolbox

TOOLS = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *(name for name in GROUPS["node"] if name not in upstream.CHART),
)
"""What must be in the toolbox."""
MANIFEST = Path(__file__).parents[1] / "files" / "node.yaml"


class Node:
    """Call ``prepare``, run the ``processes``, ``apply`` once the API server is ready."""

    def __init__(self, at: Layout, tools: Toolbox) -> None:
        self._at = at
        self._tools = tools
        self._servers = Servers(at.cluster, tools)
        self.images = Once(self._import_images)
        """Imports what every node runs; usable once containerd is ready."""

    def prepare(self) -> None:
        """Write certificates and kubeconfigs."""
        at, keys = self._at, self._at.cluster
        for folder in (keys.folder, at.config("").parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        issue = ("infra.local.sandbox.pki", str(keys.pki), at.name, at.address)
        step.python(f"making the certificates of {at.name}", issue, {}, at.folder)
        self._servers.prepare((*USERS, "kubelet", "kube-proxy"))
        keys.audit_policy.write_text(json.dumps(arguments.audit_policy()))
        server = f"https://{at.address}:{keys.ports['kube-apiserver']}"
        admin = (keys.certificate("ca"), keys.certificate("admin"), keys.key("admin"))
        kubeconfig.write(at.kubeconfig, kubeconfig.by_certificate(server, *admin))

    def processes(self) -> list[Process]:
        """The servers of Kubernetes and those of a node."""
        at, tools = self._at, self._tools
        return [
            *self._servers.processes(),
            containerd.process(at, tools),
            kubelet.process(at, tools, self.images),
            proxy.process(at, tools),
            self._provisioner(),
        ]

    def _provisioner(self) -> Process:
        at = self._at
        return Process(
            name=f"{at.name}/provisioner",
            argv=(sys.executable, "-m", "infra.local.node.provisioner", str(at.folder)),
            needs=(f"{at.name}/kube-apiserver",),
        )

    def _import_images(self) -> None:
        archives = upstream.save(self._tools, upstream.SYSTEM, self._at.images)
        images.load(self._tools.path("ctr"), SOCKET, archives)

    def apply(self) -> None:
        """Put CoreDNS and the storage class there."""
        text = MANIFEST.read_text()
        text = text.replace("COREDNS_IMAGE", upstream.reference("coredns"))
        objects = Objects(kube_of(self._at.cluster), self._at.cluster, nodes=0, gpus=0)
        objects.apply_text(text.replace("CLUSTER_DNS", DNS), MANIFEST.name)
        objects.close()

    def is_up(self) -> bool:
        """Whether the node is Ready and names are resolved."""
        kube = kube_of(self._at.cluster)
        try:
            found = kube.get("/api/v1/nodes")["items"]
            conditions = [one for node in found for one in node["status"].get("conditions", ())]
            ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
            names = kube.get("/apis/apps/v1/namespaces/kube-system/deployments/coredns")
            return ready and names["status"].get("readyReplicas", 0) > 0
        except LocalError:
            return False
        finally:
            kube.close()
