"""From facts to findings: what is well, what is not, and what to do. No I/O."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from controllers.preflight.facts import Facts, Node, Right

State = Literal["ok", "warning", "failed"]
Plane = Literal["control", "workload"]
OLDEST = (1, 32)
CLOCK_SECONDS = 60.0
"""Samples carry the nodes' time and the store their order, so clocks have to agree to a minute."""
RUNTIME_CLASS = "nvidia"
NAMED = 3
"""So many nodes are named; of more, the number is told."""
SYNCHRONISE = "let chrony or systemd-timesyncd set the clocks of"

_BOTH: list[Right] = [
    ("create", "apps", "deployments"),
    ("create", "", "services"),
    ("create", "", "secrets"),
    ("create", "", "configmaps"),
    ("create", "", "serviceaccounts"),
    ("create", "policy", "poddisruptionbudgets"),
    ("create", "rbac.authorization.k8s.io", "roles"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("create", "networking.k8s.io", "networkpolicies"),
]
RIGHTS: dict[Plane, list[Right]] = {
    "control": [*_BOTH, ("create", "apps", "statefulsets")],
    "workload": [
        *_BOTH,
        ("create", "apps", "daemonsets"),
        ("create", "", "namespaces"),
        ("create", "coordination.k8s.io", "leases"),
        ("create", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
        ("create", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("create", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("create", "admissionregistration.k8s.io", "mutatingadmissionpolicies"),
        ("create", "admissionregistration.k8s.io", "mutatingadmissionpolicybindings"),
    ],
}
"""All that the charts hold; a test compares."""


@dataclass(frozen=True)
class Finding:
    """One check; ``fix`` is empty when all is well."""

    check: str
    state: State
    says: str
    fix: str = ""


def findings(facts: Facts, plane: Plane, namespace: str) -> Iterator[Finding]:
    """Every check that matters for that plane, to be installed in that namespace."""
    yield version(facts)
    if facts.rights is not None:
        yield rights(facts, plane)
    yield clock(facts)
    yield installed(facts, plane, namespace)
    if plane == "control":
        yield storage(facts)
    else:
        yield policies(facts)
        yield gpu_nodes(facts)
        yield driver(facts)
        yield runtime_class(facts)


def version(facts: Facts) -> Finding:
    """Kubernetes is new enough for the charts."""
    said, oldest = (".".join(map(str, each)) for each in (facts.version, OLDEST))
    if facts.version >= OLDEST:
        return Finding("Kubernetes", "ok", f"version {said}")
    fix = f"upgrade the cluster to {oldest} or newer"
    return Finding("Kubernetes", "failed", f"version {said} is older than {oldest}", fix)


def rights(facts: Facts, plane: Plane) -> Finding:
    """Whoever asks may make what the chart holds."""
    allowed = facts.rights or {}
    lacking = [right for right in RIGHTS[plane] if not allowed.get(right)]
    if not lacking:
        return Finding("rights", "ok", "you may make everything that the chart holds")
    whom = "an admin of the namespace" if plane == "control" else "a cluster admin"
    says = f"you may not create {', '.join(resource for _, _, resource in lacking)}"
    return Finding("rights", "failed", says, f"install as {whom}, or ask one for these rights")


def clock(facts: Facts) -> Finding:
    """The clock here and the API server's agree."""
    if facts.clock_seconds is None:
        return Finding("clock", "warning", "the API server told no time", "compare `date` by hand")
    off = f"{abs(facts.clock_seconds):.0f} s"
    if abs(facts.clock_seconds) <= CLOCK_SECONDS:
        return Finding("clock", "ok", f"{off} between here and the API server")
    way = "ahead of" if facts.clock_seconds > 0 else "behind"
    fix = f"{SYNCHRONISE} the cluster's nodes and of this machine"
    return Finding("clock", "failed", f"the API server is {off} {way} the time here", fix)


def installed(facts: Facts, plane: Plane, namespace: str) -> Finding:
    """A cluster takes one workload plane; control planes need ports of their own."""
    if facts.installed is None:
        return _unseen("installed", "deployments of all namespaces", "see `helm list -A`")
    found = [each for each in facts.installed if each.plane == plane]
    others = [each for each in found if each.namespace != namespace]
    if not others:
        here = f"release {found[0].release} is here: use helm upgrade" if found else "not yet"
        return Finding("installed", "ok", here)
    other = others[0]
    says = f"the {plane} plane is here already: release {other.release} in {other.namespace}"
    if plane == "control":
        fix = "upgrade that one; a second one needs an expose.edge.nodePort of its own"
        return Finding("installed", "warning", says, fix)
    fix = (
        f"a cluster takes one: upgrade it (helm upgrade {other.release} -n {other.namespace} ...),"
        " or take it away first (neurox cluster leave)"
    )
    return Finding("installed", "failed", says, fix)


def storage(facts: Facts) -> Finding:
    """Redis and Thanos get volumes."""
    if facts.storage_classes is None:
        return _unseen("StorageClass", "storageclasses", "ask for the name of the default one")
    if facts.default_storage_class:
        return Finding("StorageClass", "ok", f"{facts.default_storage_class} is the default")
    if facts.storage_classes:
        names = ", ".join(facts.storage_classes)
        fix = "set redis.storage.className and thanos.storage.className"
        return Finding("StorageClass", "warning", f"none is the default; there are {names}", fix)
    fix = (
        "install a storage provisioner, or bring your own Redis and Thanos (redis.enabled=false, "
        "thanos.enabled=false)"
    )
    return Finding("StorageClass", "failed", "there is none", fix)


def policies(facts: Facts) -> Finding:
    """Jobs can be held inside the API server."""
    if facts.mutating_policies:
        return Finding("admission policies", "ok", "MutatingAdmissionPolicy v1 is served")
    fix = "with Kubernetes before 1.36, make Jobs with spec.suspend: true; others are refused"
    says = "MutatingAdmissionPolicy v1 is not served, so Jobs are not held by themselves"
    return Finding("admission policies", "warning", says, fix)


def gpu_nodes(facts: Facts) -> Finding:
    """There is something to show, and an agent would run there."""
    if facts.nodes is None:
        return _unseen("GPU nodes", "nodes", "look for nvidia.com/gpu in `kubectl describe nodes`")
    offering = [node for node in facts.nodes if node.gpus]
    plugin = "install the NVIDIA device plugin or GPU operator"
    if not offering:
        fix = f"{plugin}; or try agent.simulated=true"
        return Finding("GPU nodes", "warning", "no node offers nvidia.com/gpu", fix)
    if unlabelled := [node for node in offering if not node.labelled]:
        says = f"{_names(unlabelled)} without the label nvidia.com/gpu.present=true: no agent there"
        one = unlabelled[0].name if len(unlabelled) == 1 else "NODE"
        fix = f"kubectl label node {one} nvidia.com/gpu.present=true, or set agent.nodeSelector"
        return Finding("GPU nodes", "warning", says, fix)
    if idle := [node for node in facts.nodes if not node.gpus]:
        says = f"labelled as GPU nodes, but offering no nvidia.com/gpu: {_names(idle)}"
        return Finding("GPU nodes", "warning", says, f"{plugin} on these nodes too")
    gpus = sum(node.gpus for node in offering)
    return Finding("GPU nodes", "ok", f"{_count(len(offering), 'node')} with {_count(gpus, 'GPU')}")


def driver(facts: Facts) -> Finding:
    """The driver's version, where somebody tells it."""
    if facts.nodes is None:
        return _unseen("driver", "nodes", "run nvidia-smi on a GPU node")
    told = sorted({node.driver for node in facts.nodes if node.driver})
    if told:
        return Finding("driver", "ok", f"NVIDIA driver {', '.join(told)}")
    fix = "nothing, if nvidia-smi works on the nodes; GPU feature discovery would label them"
    return Finding("driver", "warning", "no node tells the version of its driver", fix)


def runtime_class(facts: Facts) -> Finding:
    """The agent's way to the driver's library."""
    if facts.runtime_classes is None:
        return _unseen("RuntimeClass", "runtimeclasses", "`kubectl get runtimeclass nvidia`")
    if RUNTIME_CLASS in facts.runtime_classes:
        return Finding("RuntimeClass", "ok", f"{RUNTIME_CLASS} is there")
    fix = "install the NVIDIA container toolkit, or set agent.driver to cdi or hostPath"
    return Finding("RuntimeClass", "warning", f"there is no RuntimeClass {RUNTIME_CLASS}", fix)


def _unseen(check: str, what: str, instead: str) -> Finding:
    fix = f"{instead}, or let somebody run this who may"
    return Finding(check, "warning", f"not known: you may not list {what}", fix)


def _names(nodes: Sequence[Node]) -> str:
    if len(nodes) > NAMED:
        return _count(len(nodes), "node")
    return "node " + ", ".join(node.name for node in nodes)


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
