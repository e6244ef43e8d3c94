"""Small objects for the pure tests."""

from typing import Any

from controllers.domain.policy import NodePool, Policy, Project, Quota
from controllers.workload import seen
from controllers.workload.cache import View

POLICY = Policy(
    "r1",
    pools=(NodePool("h200"),),
    projects=(Project("vision", ("vision",), ("h200",), "vision"),),
    quotas=(Quota("h200", "vision", 8),),
)
OWNED = {"project": "vision", "group": "vision", "pool": "h200"}


def node(name: str, **more: Any) -> seen.Node:
    fields: dict[str, Any] = {
        "labels": {},
        "gpus": 8,
        "ever": True,
        "ready": True,
        "reason": None,
        "cordoned": False,
        "kubelet": "v1.37.2",
    }
    return seen.Node(name=name, **(fields | more))


def pod(name: str, **more: Any) -> seen.Pod:
    fields: dict[str, Any] = {
        "uid": f"uid-{name}",
        "namespace": "vision",
        "node": "gpu-1",
        "phase": "Running",
        "gpus": 1,
        "created": 5.0,
        "owner": None,
        "template": None,
        "message": "",
    }
    return seen.Pod(name=name, **(fields | more))


def job(name: str, **more: Any) -> seen.Job:
    fields: dict[str, Any] = {
        "uid": f"uid-{name}",
        "version": "1",
        "namespace": "vision",
        "marks": OWNED,
        "notes": {},
        "suspended": False,
        "parallelism": 1,
        "pods_left": 1,
        "gpus_per_pod": 1,
        "terms": (),
        "created": 1.0,
        "started": None,
        "finished": None,
        "deleting": False,
        "outcome": "",
        "code": "",
        "message": "",
    }
    return seen.Job(name=name, **(fields | more))


def view(*things: object) -> View:
    return View(
        nodes=[thing for thing in things if isinstance(thing, seen.Node)],
        pods=[thing for thing in things if isinstance(thing, seen.Pod)],
        jobs=[thing for thing in things if isinstance(thing, seen.Job)],
        managed=frozenset({"vision"}),
    )
