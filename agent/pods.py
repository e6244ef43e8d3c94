"""The pods of this node by uid: from the API server, else from the folders of their logs."""

from pathlib import Path
from typing import Protocol

_POD_FOLDERS_MAX = 10_000

Pod = tuple[str, str]
"""Namespace and name."""


class Watched(Protocol):
    """Pods that the API server tells of; those that have ended are not among them."""

    up: bool
    revision: int

    def of(self, uid: str) -> Pod | None:
        """Who has this uid."""

    def uid(self, pod: Pod) -> str | None:
        """The uid of a pod that lives."""

    def hami(self, pod: Pod) -> str:
        """HAMi's annotation, which names the GPUs that it gave."""


class PodNames:
    """``revision`` counts the changes; all answers are as of the last ``refresh``."""

    def __init__(self, folder: Path, watch: Watched | None = None) -> None:
        self.revision = 0
        self.watch = watch
        self._folder = folder
        self._names: dict[str, Pod] = {}
        self._uids: dict[Pod, str] = {}
        self._changed_at: int | None = None
        self._watched = (False, 0)

    def refresh(self) -> None:
        """List the folder again if it changed; an absent folder names nobody."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
            if changed_at != self._changed_at:
                self._take(self._listed(), changed_at)
        except OSError:
            if self._names:
                self._take({}, None)
        if self.watch and self._watched != (seen := (self.watch.up, self.watch.revision)):
            self._watched = seen
            self.revision += 1

    def of(self, uid: str) -> Pod | None:
        """Who has this uid."""
        return (self.watch.of(uid) if self.watch else None) or self._names.get(uid)

    def uid(self, pod: Pod) -> str:
        """The pod's uid; ``""`` is unknown."""
        return (self.watch.uid(pod) if self.watch else None) or self._uids.get(pod, "")

    def hami(self, pod: Pod) -> str:
        """HAMi's annotation of the pod."""
        return self.watch.hami(pod) if self.watch else ""

    def ended(self, pod: Pod) -> bool:
        """Whether the API server says that there is no such pod, or that it ran to its end."""
        return self.watch is not None and self.watch.up and self.watch.uid(pod) is None

    def gone(self, pod: Pod) -> bool:
        """Whether nothing tells of the pod any more."""
        return self.ended(pod) or not self.uid(pod)

    def _take(self, names: dict[str, Pod], changed_at: int | None) -> None:
        self._names, self._changed_at = names, changed_at
        self._uids = {pod: uid for uid, pod in names.items()}
        self.revision += 1

    def _listed(self) -> dict[str, Pod]:
        """``<namespace>_<pod>_<uid>``, as the kubelet names them; needs no rights."""
        names = {}
        for _, path in zip(range(_POD_FOLDERS_MAX), self._folder.iterdir(), strict=False):
            namespace, pod, uid = (*path.name.split("_"), "", "")[:3]
            if uid:
                names[uid] = (namespace, pod)
        return names
