"""From facts to findings: what is well, what is not, and what to do. No I/O."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from controllers.preflight.facts import Facts, Right

State = Literal["ok", "warning", "failed"]
Plane = Literal["control", "workload"]
OLDEST = (1, 32)
CLOCK_SECONDS = 60.0
"""A relay credential lives for 60 s, and 120 s of difference are forgiven."""
RUNTIME_CLASS = "nvidia"

_BOTH: list[Right] = [
    ("create", "apps", "deployments"),
    ("create", "", "services"),
    ("create", "", "secrets"),
    ("create", "rbac.authorization.k8s.io", "roles"),
    ("create", "networking.k8s.io", "networkpolicies"),
]
RIGHTS: dict[Plane, list[Right]] = {
    "control": [*_BOTH, ("create", "apps", "statefulsets")],
    "workload": [
        *_BOTH,
        ("create", "apps", "daemonsets"),
        ("create", "", "namespaces"),
        ("create", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("create", "admissionregistration.k8s.io", "mutatingadmissionpolicies"),
    ],
}


@dataclass(frozen=True)
class Finding:
    """One check; ``fix`` is empty when all is well."""

    check: str
    state: State
    says: str
    fix: str = ""


def findings(facts: Facts, plane: Plane) -> Iterator[Finding]:
    """Every check that matters for that plane."""
    yield version(facts)
    yield rights(facts, plane)
    yield clock(facts)
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
    wanted = RIGHTS[plane]
    lacking = [
        f"{verb} {resource}"
        for verb, group, resource in wanted
        if not facts.rights.get((verb, group, resource))
    ]
    if not lacking:
        return Finding("rights", "ok", "may make everything that the chart holds")
    whom = "an admin of the namespace" if plane == "control" else "a cluster admin"
    says = f"may not {', '.join(lacking)}"
    return Finding("rights", "failed", says, f"install as {whom}, or ask one for these rights")


def clock(facts: Facts) -> Finding:
    """The clocks agree well enough for credentials of a minute."""
    if facts.clock_seconds is None:
        return Finding("clock", "warning", "the API server told no time", "compare `date` by hand")
    off = f"{abs(facts.clock_seconds):.0f} s"
    if abs(facts.clock_seconds) <= CLOCK_SECONDS:
        return Finding("clock", "ok", f"{off} off the API server's")
    fix = "let chrony or systemd-timesyncd set the clocks of the nodes and of this machine"
    return Finding("clock", "failed", f"{off} off the API server's", fix)


def storage(facts: Facts) -> Finding:
    """Redis and Thanos get volumes."""
    if facts.default_storage_class:
        return Finding("StorageClass", "ok", f"{facts.default_storage_class} is the default")
    if facts.storage_classes:
        names = ", ".join(facts.storage_classes)
        fix = "set redis.storage.className and thanos.storage.className"
        return Finding("StorageClass", "warning", f"none is the default; there are {names}", fix)
    fix = "install a storage provisioner, or bring your own Redis and Thanos (redis.enabled=false)"
    return Finding("StorageClass", "failed", "there is none", fix)


def policies(facts: Facts) -> Finding:
    """Jobs can be held inside the API server."""
    if facts.mutating_policies:
        return Finding("admission policies", "ok", "MutatingAdmissionPolicy v1 is served")
    fix = "with Kubernetes before 1.36, make Jobs with spec.suspend: true; others are refused"
    says = "MutatingAdmissionPolicy v1 is not served, so Jobs are not held by themselves"
    return Finding("admission policies", "warning", says, fix)


def gpu_nodes(facts: Facts) -> Finding:
    """There is something to show."""
    gpus = sum(node.gpus for node in facts.nodes)
    if gpus:
        return Finding("GPU nodes", "ok", f"{len(facts.nodes)} nodes with {gpus} GPUs")
    fix = "install the NVIDIA device plugin or GPU operator; or try agent.simulated=true"
    return Finding("GPU nodes", "warning", "no node offers nvidia.com/gpu", fix)


def driver(facts: Facts) -> Finding:
    """The driver's version, where somebody tells it."""
    told = sorted({node.driver for node in facts.nodes if node.driver})
    if told:
        return Finding("driver", "ok", f"NVIDIA driver {', '.join(told)}")
    fix = "nothing, if nvidia-smi works on the nodes; GPU feature discovery would label them"
    return Finding("driver", "warning", "no node tells the version of its driver", fix)


def runtime_class(facts: Facts) -> Finding:
    """The agent's way to the driver's library."""
    if RUNTIME_CLASS in facts.runtime_classes:
        return Finding("RuntimeClass", "ok", f"{RUNTIME_CLASS} is there")
    fix = "install the NVIDIA container toolkit, or set agent.driver to cdi or hostPath"
    return Finding("RuntimeClass", "warning", f"there is no RuntimeClass {RUNTIME_CLASS}", fix)
