"""What of the workload plane is in a cluster, and what would stay behind without it. No I/O."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

GPU = "nvidia.com/gpu"
POLICIES = {
    "mutatingadmissionpolicies": ("neurox-hold",),
    "validatingadmissionpolicies": ("neurox-guard", "neurox-manager-stays-inside"),
}
"""What holds Jobs inside the API server, by kind; each has a binding of the same name."""
JOIN_SECRET = "neurox-join"  # noqa: S105 - the name of an object
SHOWN = 10
"""So many Jobs are named; of more, the number is told."""


@dataclass(frozen=True)
class Release:
    """The workload plane as Helm installed it."""

    name: str
    namespace: str
    join_secret: str
    with_control_plane: bool
    """Whether the same release holds a control plane, which must stay."""


def releases(deployments: Iterable[Mapping[str, Any]]) -> list[Release]:
    """Every one, out of the deployments that are part of Neurox."""
    parts: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for each in deployments:
        labels = each["metadata"]["labels"]
        release = (labels["app.kubernetes.io/instance"], each["metadata"]["namespace"])
        parts.setdefault(release, {})[labels["app.kubernetes.io/component"]] = each
    return [
        Release(*release, _join_secret(found.get("relay-client")), "api" in found)
        for release, found in sorted(parts.items())
        if "workload-manager" in found
    ]


def with_leaving(running: list[Release], listed: Iterable[Mapping[str, str]]) -> list[Release]:
    """Those, and what Helm lists whose pods are gone: somebody broke its uninstalling off."""
    known = {(each.name, each.namespace) for each in running}
    rows = ((row["name"], row["namespace"]) for row in listed if _is_ours(row["chart"]))
    return running + [Release(*row, JOIN_SECRET, False) for row in rows if row not in known]


def by_upgrade(release: Release, context: str | None) -> str:
    """What to do where the control plane stays; Helm alone knows what belongs to which plane."""
    words = ["helm", "upgrade", release.name, "charts/neurox", "--namespace", release.namespace]
    words += ["--kube-context", context] if context else []
    words += ["--reset-then-reuse-values", "--set", "workload.enabled=false", "--wait"]
    return (
        f"the release {release.name} holds the control plane too, which stays; nothing was done. "
        f"Its workload plane leaves by, with the chart of the version that is installed:\n"
        f"  {shlex.join(words)}"
    )


def policies(kinds: Iterable[str]) -> list[str]:
    """KIND/NAME of all that may be there, bindings first, of the kinds that the cluster has."""
    served = {kind.partition(".")[0] for kind in kinds}
    known = [(kind, name) for kind, names in POLICIES.items() for name in names if kind in served]
    bindings = [f"{kind[:-3]}ybindings/{name}" for kind, name in known]
    return bindings + [f"{kind}/{name}" for kind, name in known]


def held(jobs: Iterable[Mapping[str, Any]]) -> list[str]:
    """NAMESPACE/NAME of Jobs with GPUs that are suspended."""
    return [
        f"{each['metadata']['namespace']}/{each['metadata']['name']}"
        for each in jobs
        if each["spec"].get("suspend") and any(_asks(each["spec"]["template"]["spec"]))
    ]


def behind(waiting: list[str], managed: list[str], empty: list[str]) -> Iterator[str]:
    """What stays in the cluster, each with what to do; ``empty`` namespaces were those of ours."""
    if waiting:
        jobs = "1 Job with GPUs stays" if len(waiting) == 1 else f"{len(waiting)} Jobs stay"
        more = ", ..." if len(waiting) > SHOWN else ""
        yield f"{jobs} suspended: {', '.join(waiting[:SHOWN])}{more}. Each runs once you say so:"
        yield '  kubectl -n NAMESPACE patch job NAME -p \'{"spec":{"suspend":false}}\''
    if managed:
        yield f"The label neurox.io/managed stays on {', '.join(managed)}; it has no effect now:"
        yield "  kubectl label namespace -l neurox.io/managed=true neurox.io/managed-"
    for namespace in empty:
        yield f"The namespace {namespace} stays, though nothing runs in it:"
        yield f"  kubectl delete namespace {namespace}"
    yield "In Neurox the cluster is shown as lost, with its history. An admin takes it off by:"
    yield "  neurox cluster remove NAME"


def _join_secret(relay_client: Mapping[str, Any] | None) -> str:
    volumes = relay_client["spec"]["template"]["spec"]["volumes"] if relay_client else []
    names = [each["secret"]["secretName"] for each in volumes if each["name"] == "join"]
    return names[0] if names else JOIN_SECRET


def _is_ours(chart: str) -> bool:
    return re.fullmatch(r"neurox-workload-\d.*", chart) is not None


def _asks(pod: Mapping[str, Any]) -> Iterator[bool]:
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        resources = container.get("resources", {})
        yield any(GPU in resources.get(kind, {}) for kind in ("limits", "requests"))
