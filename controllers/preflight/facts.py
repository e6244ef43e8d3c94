"""What is asked of a cluster, read once."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Ask = Callable[[str, dict[str, Any] | None], dict[str, Any] | None]
"""Path and, for a POST, a body to the answer; None when there is nothing at the path."""
Right = tuple[str, str, str]
"""Verb, API group, resource."""
PAGE = 500


class Silent(Exception):
    """The API server does not answer, or refuses us; the message says which."""


@dataclass(frozen=True)
class Node:
    """A node with GPUs."""

    name: str
    gpus: int
    driver: str | None
    """Version of the NVIDIA driver, where GPU feature discovery tells it."""


@dataclass(frozen=True)
class Facts:
    """A cluster as it answered."""

    version: tuple[int, int]
    rights: Mapping[Right, bool]
    storage_classes: tuple[str, ...]
    default_storage_class: str | None
    nodes: tuple[Node, ...]
    runtime_classes: tuple[str, ...]
    mutating_policies: bool
    """Whether MutatingAdmissionPolicy is served in v1."""
    clock_seconds: float | None
    """How far the API server's clock is ahead of ours; None when it was not told."""


def gather(ask: Ask, rights: list[Right], namespace: str, clock: float | None) -> Facts:
    """Everything, in a few calls. ``clock`` is the API server's time in epoch seconds. Silent."""
    version = _must(ask, "/version")
    classes = _items(ask, "/apis/storage.k8s.io/v1/storageclasses")
    admission = ask("/apis/admissionregistration.k8s.io/v1", None) or {}
    return Facts(
        version=(_number(version["major"]), _number(version["minor"])),
        rights={right: _allowed(ask, right, namespace) for right in rights},
        storage_classes=tuple(_name(each) for each in classes),
        default_storage_class=next((_name(each) for each in classes if _is_default(each)), None),
        nodes=_nodes(ask),
        runtime_classes=tuple(
            _name(each) for each in _items(ask, "/apis/node.k8s.io/v1/runtimeclasses")
        ),
        mutating_policies=any(
            each["name"] == "mutatingadmissionpolicies" for each in admission.get("resources", [])
        ),
        clock_seconds=None if clock is None else clock - time.time(),
    )


def _must(ask: Ask, path: str) -> dict[str, Any]:
    found = ask(path, None)
    if found is None:
        raise Silent(f"what answers has no {path}: it is no Kubernetes API server")
    return found


def _items(ask: Ask, path: str) -> list[dict[str, Any]]:
    found = ask(f"{path}?limit={PAGE}", None) or {}
    items: list[dict[str, Any]] = found.get("items") or []
    return items


def _nodes(ask: Ask) -> tuple[Node, ...]:
    found = []
    for each in _items(ask, "/api/v1/nodes"):
        gpus = int(each.get("status", {}).get("allocatable", {}).get("nvidia.com/gpu", "0"))
        if gpus:
            labels = each["metadata"].get("labels", {})
            driver = labels.get("nvidia.com/cuda.driver-version.full")
            found.append(Node(_name(each), gpus, driver))
    return tuple(found)


def _allowed(ask: Ask, right: Right, namespace: str) -> bool:
    verb, group, resource = right
    where = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": where},
    }
    answer = ask("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review) or {}
    return bool(answer.get("status", {}).get("allowed"))


def _name(each: dict[str, Any]) -> str:
    return str(each["metadata"]["name"])


def _is_default(storage_class: dict[str, Any]) -> bool:
    notes = storage_class["metadata"].get("annotations") or {}
    return notes.get("storageclass.kubernetes.io/is-default-class") == "true"


def _number(text: str) -> int:
    """Of "37" or "37+", as some clouds write it."""
    digits = "".join(letter for letter in text if letter.isdigit())
    return int(digits or 0)


def decoded(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Silent when it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        raise Silent("what answers does not speak JSON: it is no Kubernetes API server") from None
    if not isinstance(found, dict):
        raise Silent("what answers is no Kubernetes API server")
    return found
