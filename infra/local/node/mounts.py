"""The node's view of the file system: the machine's, with folders of its own where it writes."""

import os
from pathlib import Path

from infra.local.node.layout import CONTAINERD, KUBELET, POD_LOGS, Layout
from infra.local.node.namespaces import BIND, RECURSIVE, SHARED, SLAVE, mount

# containerd's content and pods' files are large; all else under /var and /run lies in memory.
KEPT = {"containerd": CONTAINERD, "kubelet": KUBELET, "pod-logs": POD_LOGS}


def make(at: Layout) -> None:
    """Call it inside a new mount namespace; nothing of it is seen outside."""
    mount("none", "/", flags=RECURSIVE | SLAVE)  # what the machine unmounts goes here too
    mount("none", "/", flags=RECURSIVE | SHARED)  # among the node's own, as systemd has it
    outside = os.open(at.folder, os.O_PATH | os.O_DIRECTORY)
    _shade(Path("/var"), at.folder / "shade")
    if at.folder.is_relative_to("/var"):
        mount(f"/proc/self/fd/{outside}", str(at.folder), flags=BIND)
    mount("tmpfs", "/run", "tmpfs", data="mode=755")
    for name, place in KEPT.items():
        own = at.folder / name
        own.mkdir(exist_ok=True)
        place.mkdir(parents=True, exist_ok=True)
        mount(str(own), str(place), flags=BIND)
    os.close(outside)


def _shade(place: Path, layer: Path) -> None:
    """Let writes below ``place`` go to memory."""
    layer.mkdir(exist_ok=True)
    mount("tmpfs", str(layer), "tmpfs", data="mode=755")
    upper, work = layer / "upper", layer / "work"
    upper.mkdir()
    work.mkdir()
    mount(
        "overlay", str(place), "overlay", data=f"lowerdir={place},upperdir={upper},workdir={work}"
    )
