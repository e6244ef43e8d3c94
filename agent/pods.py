"""The pods of this node by uid: from the API server, else from the folders of their logs."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from agent.watch import Resource, text

_POD_FOLDERS_MAX = 10_000
_TICK_NANOSECONDS = 10**9

Pod = tuple[str, str]
"""Namespace and name."""


HAMI = "hami.io/vgpu-devices-allocated"
STATIC = "kubernetes.io/config.hash"
"""The uid of a static pod at its node; the API server knows another."""


@dataclass(frozen=True, slots=True)
class NodePod:
    """What is kept of a pod."""

    uid: str
    namespace: str
    name: str
    hami: str = ""
    """The GPUs that HAMi gave it."""


class Watched(Protocol):
    """The pods of this node that have not ended, as the API server tells."""

    up: bool
    items: Mapping[str, NodePod]


def live_pods(node: str) -> Resource[NodePod]:
    """Pods of the node that have not ended: one that ends leaves the selection."""
    return Resource(
        paths=("/api/v1/pods",),
        selector=f"spec.nodeName={node},status.phase!=Succeeded,status.phase!=Failed",
        metadata=True,
        keep=_kept,
    )


def _kept(pod: Mapping[str, Any]) -> NodePod:
    about = pod["metadata"]
    notes = about.get("annotations") or {}
    uid = text(notes, STATIC, "") or text(about, "uid")
    return NodePod(uid, text(about, "namespace"), text(about, "name"), text(notes, HAMI, ""))


class PodNames:
    """``revision`` counts the changes; all answers are as of the last ``refresh``."""

    def __init__(self, folder: Path, watch: Watched | None = None) -> None:
        self.revision = 0
        self._folder = folder
        self._watch = watch
        self._changed_at: int | None = None
        self._names: dict[str, Pod] = {}
        """By uid, of the folder."""
        self._uids: dict[Pod, str] = {}
        self._seen: tuple[bool, Mapping[str, NodePod]] = (False, {})
        self._live: dict[str, NodePod] = {}
        self._by_pod: dict[Pod, NodePod] = {}

    @property
    def up(self) -> bool | None:
        """Whether the API server tells; None when it is not asked."""
        return self._seen[0] if self._watch else None

    def refresh(self) -> None:
        """Take what has changed; an absent folder names nobody."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
            if changed_at != self._changed_at:
                # The kernel's clock ticks: a change just after this one may have the same time.
                settled = time.time_ns() - changed_at > _TICK_NANOSECONDS
                self._take(self._listed(), changed_at if settled else None)
        except OSError:
            if self._names:
                self._take({}, None)
        if self._watch:
            self._look(self._watch.up, self._watch.items)

    def of(self, uid: str) -> Pod | None:
        """Who has this uid."""
        pod = self._live.get(uid)
        return (pod.namespace, pod.name) if pod else self._names.get(uid)

    def uid(self, pod: Pod) -> str:
        """The pod's uid; ``""`` is unknown."""
        live = self._by_pod.get(pod)
        return live.uid if live else self._uids.get(pod, "")

    def hami(self, pod: Pod) -> str:
        """HAMi's annotation of the pod."""
        live = self._by_pod.get(pod)
        return live.hami if live else ""

    def ended(self, pod: Pod) -> bool:
        """Whether the API server says that there is no such pod, or that it ran to its end."""
        return self._seen[0] and pod not in self._by_pod

    def gone(self, pod: Pod) -> bool:
        """Whether nothing tells of the pod any more."""
        return self.ended(pod) or not self.uid(pod)

    def _look(self, up: bool, items: Mapping[str, NodePod]) -> None:
        """Old items are kept while the API server is away: a uid never changes its pod."""
        if up == self._seen[0] and items is self._seen[1]:
            return
        self._seen = up, items
        self._live = {pod.uid: pod for pod in items.values()}
        self._by_pod = {(pod.namespace, pod.name): pod for pod in items.values()}
        self.revision += 1

    def _take(self, names: dict[str, Pod], changed_at: int | None) -> None:
        self._changed_at = changed_at
        if names == self._names:
            return
        self._names = names
        self._uids = {pod: uid for uid, pod in names.items()}
        self.revision += 1

    def _listed(self) -> dict[str, Pod]:
        """``<namespace>_<pod>_<uid>``, as the kubelet names them; needs no rights.

        The newest last: the folder of an old pod stays for a while beside that of its namesake.
        """
        names = {}
        for path in sorted(islice(self._folder.iterdir(), _POD_FOLDERS_MAX), key=_changed_at):
            namespace, pod, uid = (*path.name.split("_"), "", "")[:3]
            if uid:
                names[uid] = (namespace, pod)
        return names


def _changed_at(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0  # just gone
