"""What a cluster holds, by name: to tell what an installation has left."""

import re
import time

from installation import NAMESPACE, STOP_SECONDS, Cluster

PASSING = {"events", "events.events.k8s.io"}
LINE = "{.kind} {.metadata.namespace} {.metadata.name}"
IN_EACH_NAMESPACE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
Object = tuple[str, str, str]
CLAIMS = ("data-neurox-redis-0", "data-neurox-thanos-receive-0")
KEPT = (
    *(f"PersistentVolumeClaim/{name}" for name in CLAIMS),
    *["PersistentVolume/pvc"] * len(CLAIMS),
    *(f"Secret/neurox-{name}" for name in ("admin", "edge", "hub-key", "redis", "relay-server")),
)
"""What the chart neurox leaves when data is kept."""


def held(cluster: Cluster) -> set[Object]:
    """Kind, namespace and name of every object, but for what a namespace has by itself."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    asked = ",".join(kind for kind in kinds if kind not in PASSING)
    rows = "{range .items[*]}" + LINE + '{"\\n"}{end}'
    said = cluster.kubectl("get", asked, "-A", "-o", f"jsonpath={rows}")
    found = {_object(line) for line in said.splitlines()}
    return {one for one in found if (one[0], one[2]) not in IN_EACH_NAMESPACE}


def is_left(cluster: Cluster, before: set[Object], *expected: str) -> None:
    """Besides the namespace, which is the user's: waits for what Helm does not wait for."""
    wanted = sorted([f"Namespace/{NAMESPACE}", *expected])
    deadline = time.monotonic() + STOP_SECONDS
    while (found := _named(held(cluster) - before)) != wanted:
        assert time.monotonic() < deadline, f"left after {STOP_SECONDS} s: {found}, not {wanted}"
        time.sleep(0.2)


def _named(objects: set[Object]) -> list[str]:
    """Without the part of a volume's name that differs each time."""
    return sorted(re.sub("/pvc-.*", "/pvc", f"{kind}/{name}") for kind, _, name in objects)


def _object(line: str) -> Object:
    kind, namespace, name = line.split(" ")
    return kind, namespace, name
