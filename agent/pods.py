"""Pod names by uid, from the folders in which the kubelet keeps their logs."""

from pathlib import Path

_POD_FOLDERS_MAX = 10_000


class PodNames:
    """Reads ``<namespace>_<pod>_<uid>`` folder names; needs no rights on the API server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, tuple[str, str]] = {}
        self._changed_at: int | None = None

    def refresh(self) -> None:
        """List the folder again if it changed; an absent folder names nobody."""
        try:
            changed_at = self._folder.stat().st_mtime_ns
            if changed_at != self._changed_at:
                self._names = self._listed()
                self._changed_at = changed_at
        except OSError:
            self._names, self._changed_at = {}, None

    def of(self, uid: str) -> tuple[str, str] | None:
        """Namespace and name of the pod, as of the last refresh."""
        return self._names.get(uid)

    def _listed(self) -> dict[str, tuple[str, str]]:
        names = {}
        for _, path in zip(range(_POD_FOLDERS_MAX), self._folder.iterdir(), strict=False):
            namespace, pod, uid = (*path.name.split("_"), "", "")[:3]
            if uid:
                names[uid] = (namespace, pod)
        return names
