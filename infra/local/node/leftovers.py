"""What of a node outlives its last process, and its end."""

import shutil

from infra.local.node import cgroups, network
from infra.local.node.layout import Layout

LOGS = ("logs", "pod-logs")
"""Stay in the node's folder, to be read after a failure."""


def clean(at: Layout) -> None:
    """Remove its wire, control groups and files but LOGS.

    Call it in the machine's own namespaces: only there is it certain that a folder of the node's
    holds nothing mounted from elsewhere.
    """
    network.remove(at.link)
    cgroups.remove(at.cgroup)
    for path in at.folder.iterdir() if at.folder.exists() else ():
        if path.name in LOGS:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
