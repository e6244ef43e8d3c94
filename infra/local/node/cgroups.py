"""The control group of a node's pods, in version 1 (a tree a controller), 2 or both."""

import contextlib
import time
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
_PATIENCE_SECONDS = 5.0
_LOOK_SECONDS = 0.05


def make(name: str, root: Path = ROOT) -> None:
    """Make it in every tree; the kubelet takes none that is not there."""
    for tree in _trees(root):
        group = tree / name
        group.mkdir(exist_ok=True)
        if tree == root:
            known = (tree / "cgroup.controllers").read_text().split()
            (tree / "cgroup.subtree_control").write_text(" ".join(f"+{one}" for one in known))
        # A new group of the cpuset tree has no processors, and no process can enter it.
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (tree / file).exists() and tree != root:
                (group / file).write_text((tree / file).read_text())


def remove(name: str, root: Path = ROOT) -> None:
    """Remove it with all below it, once its processes are gone; OSError when some remain."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for tree in _trees(root):
        while (tree / name).exists():
            try:
                _remove_tree(tree / name)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_SECONDS)  # the kernel lets go of a dead process a moment later


def _trees(root: Path) -> list[Path]:
    if (root / "cgroup.procs").exists():
        return [root]
    return sorted(tree for tree in root.iterdir() if (tree / "cgroup.procs").exists())


def _remove_tree(group: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        for child in group.iterdir():
            if child.is_dir():
                _remove_tree(child)
        group.rmdir()
