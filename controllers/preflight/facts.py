"""What is asked of a cluster, read once."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

Ask = Callable[[str, dict[str, Any] | None], dict[str, Any] | None]
"""Path and, for a POST, a body to the answer; None when there is nothing at the path."""
Right = tuple[str, str, str]
"""Verb, API group, resource."""
PAGE = 500
SECONDS = 20.0
"""What one question may take, whoever is asked."""
MESSAGE_CHARACTERS = 300
"""What is shown of an answer that says no."""
AT_ONCE = 8
"""Questions on the way at the same time."""
GPU = "nvidia.com/gpu"
AGENTS = {"nvidia.com/gpu.present": "true", "neurox.io/simulated": "true"}
"""Labels of nodes that the chart's agents run on."""
COMPONENTS = {"api": "control", "workload-manager": "workload"}
"""Deployments by which a plane is known, by their label component."""


class Silent(Exception):
    """The API server does not answer, or not as one; the message says which."""


class Refused(Exception):
    """The API server answers, and does not let us look."""


@dataclass(frozen=True)
class Node:
    """A node that has GPUs, or is labelled as if it had."""

    name: str
    gpus: int
    labelled: bool
    """Whether an agent would run there."""
    driver: str | None = None
    """Version of the NVIDIA driver, where GPU feature discovery tells it."""


@dataclass(frozen=True)
class Installed:
    """A plane of Neurox that is in the cluster already."""

    plane: str
    release: str
    namespace: str


@dataclass(frozen=True)
class Facts:
    """A cluster as it answered; None is what could not be looked at."""

    version: tuple[int, int]
    rights: Mapping[Right, bool] | None
    storage_classes: tuple[str, ...] | None
    default_storage_class: str | None
    nodes: tuple[Node, ...] | None
    runtime_classes: tuple[str, ...] | None
    mutating_policies: bool
    """Whether MutatingAdmissionPolicy is served in v1."""
    installed: tuple[Installed, ...] | None
    clock_seconds: float | None
    """How far the API server's clock is ahead of ours."""


def gather(ask: Ask, rights: Iterable[Right] | None, namespace: str) -> Facts:
    """Everything, in a few calls. ``rights`` in that namespace are asked for ourselves. Silent."""
    version = _must(ask, "/version")
    classes = _items(ask, "/apis/storage.k8s.io/v1/storageclasses")
    runtimes = _items(ask, "/apis/node.k8s.io/v1/runtimeclasses")
    nodes = _items(ask, "/api/v1/nodes")
    ours = _items(ask, "/apis/apps/v1/deployments", "app.kubernetes.io/part-of=neurox")
    admission = ask("/apis/admissionregistration.k8s.io/v1", None) or {}
    kinds = [each["name"] for each in admission.get("resources", [])]
    return Facts(
        version=(_number(version["major"]), _number(version["minor"])),
        rights=None if rights is None else _allowed(ask, list(rights), namespace),
        storage_classes=None if classes is None else tuple(map(_name, classes)),
        default_storage_class=next(
            (_name(each) for each in classes or [] if _is_default(each)), None
        ),
        nodes=None if nodes is None else _gpu_nodes(nodes),
        runtime_classes=None if runtimes is None else tuple(map(_name, runtimes)),
        mutating_policies="mutatingadmissionpolicies" in kinds,
        installed=None if ours is None else _planes(ours),
        clock_seconds=_clock(ask),
    )


def ahead(server: float, before: float, after: float) -> float:
    """How far a clock that told whole seconds is ahead of ours, which it was asked between."""
    if server > after:
        return server - after
    return min(0.0, server + 1 - before)


def decoded(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Silent when it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Silent("what answers does not speak JSON: it is no Kubernetes API server") from None
    if not isinstance(found, dict):
        raise Silent("what answers is no Kubernetes API server")
    return found


def _must(ask: Ask, path: str) -> dict[str, Any]:
    found = ask(path, None)
    if found is None or "major" not in found:
        raise Silent(f"what answers has no {path}: it is no Kubernetes API server")
    return found


def _items(ask: Ask, path: str, labels: str = "") -> list[dict[str, Any]] | None:
    """All of them; None when we may not look."""
    items: list[dict[str, Any]] = []
    query = f"limit={PAGE}" + (f"&labelSelector={quote(labels, safe='')}" if labels else "")
    rest = ""
    while True:
        try:
            found = ask(f"{path}?{query}{rest}", None) or {}
        except Refused:
            return None
        items += found.get("items") or []
        token = found.get("metadata", {}).get("continue")
        if not token:
            return items
        rest = f"&continue={quote(token, safe='')}"


def _clock(ask: Ask) -> float | None:
    """By a review of who we are, to which the API server puts its time; anybody may ask for one."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    before = time.time()
    try:
        found = ask("/apis/authentication.k8s.io/v1/selfsubjectreviews", review) or {}
    except Refused:
        return None
    after = time.time()
    told = found.get("metadata", {}).get("creationTimestamp")
    return ahead(datetime.fromisoformat(told).timestamp(), before, after) if told else None


def _gpu_nodes(items: list[dict[str, Any]]) -> tuple[Node, ...]:
    found = []
    for each in items:
        labels = each["metadata"].get("labels", {})
        gpus = int(each.get("status", {}).get("allocatable", {}).get(GPU, "0"))
        labelled = any(labels.get(key) == value for key, value in AGENTS.items())
        driver = labels.get("nvidia.com/cuda.driver-version.full")
        if gpus or labelled:
            found.append(Node(_name(each), gpus, labelled, driver))
    return tuple(found)


def _planes(deployments: list[dict[str, Any]]) -> tuple[Installed, ...]:
    found = []
    for each in deployments:
        labels = each["metadata"]["labels"]
        plane = COMPONENTS.get(labels.get("app.kubernetes.io/component", ""))
        if plane:
            release = labels.get("app.kubernetes.io/instance", "")
            found.append(Installed(plane, release, each["metadata"]["namespace"]))
    return tuple(found)


def _allowed(ask: Ask, rights: list[Right], namespace: str) -> dict[Right, bool]:
    def allowed(right: Right) -> bool:
        verb, group, resource = right
        where = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": where},
        }
        answer = ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review) or {}
        return bool(answer.get("status", {}).get("allowed"))

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return dict(zip(rights, pool.map(allowed, rights), strict=True))


def _name(each: dict[str, Any]) -> str:
    return str(each["metadata"]["name"])


def _is_default(storage_class: dict[str, Any]) -> bool:
    notes = storage_class["metadata"].get("annotations") or {}
    return notes.get("storageclass.kubernetes.io/is-default-class") == "true"


def _number(text: str) -> int:
    """Of "37" or "37+", as some clouds write it."""
    digits = "".join(letter for letter in text if letter.isdigit())
    return int(digits or 0)
