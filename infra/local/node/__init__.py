"""A real Kubernetes node on this machine, for tests: pods are real, images too. Needs root.

    with Network(folder) as network, RealNode("hub", network) as hub:
        hub.import_images([archive])
        use(hub.kubeconfig, hub.address)

Each node is a cluster of its own and lives in namespaces of its own (network, mounts, processes),
where everything lies at the paths of an ordinary node. The kernel takes all of it away with the
last process, so a killed test leaves no mount and no server behind.
"""

from infra.local.node.network import Network
from infra.local.node.real_node import RealNode

__all__ = ["Network", "RealNode"]
