"""What a cluster holds, by name: to tell what an installation has left."""

from installation import Cluster

PASSING = {"events", "events.events.k8s.io"}
LINE = "{.kind} {.metadata.namespace} {.metadata.name}"
IN_EACH_NAMESPACE = {("ServiceAccount", "default"), ("ConfigMap", "kube-root-ca.crt")}
Object = tuple[str, str, str]


def held(cluster: Cluster) -> set[Object]:
    """Kind, namespace and name of every object, but for what a namespace has by itself."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    asked = ",".join(kind for kind in kinds if kind not in PASSING)
    rows = "{range .items[*]}" + LINE + '{"\\n"}{end}'
    said = cluster.kubectl("get", asked, "-A", "-o", f"jsonpath={rows}")
    found = {_object(line) for line in said.splitlines()}
    return {one for one in found if (one[0], one[2]) not in IN_EACH_NAMESPACE}


def made_since(before: set[Object], cluster: Cluster) -> list[str]:
    """KIND/NAME of what is there now and was not."""
    return sorted(f"{kind}/{name}" for kind, _, name in held(cluster) - before)


def _object(line: str) -> Object:
    kind, namespace, name = line.split(" ")
    return kind, namespace, name
