"""Importing image archives into a node's containerd."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from infra.local.errors import LocalError

NAMESPACE = "k8s.io"
"""Where the kubelet looks for images."""
PATIENCE_SECONDS = 120


def load(ctr: Path, socket: Path, archives: Iterable[Path]) -> None:
    """Import OCI archives under the names that they carry; LocalError with ctr's words."""
    for archive in archives:
        argv = (str(ctr), "--address", str(socket), "--namespace", NAMESPACE)
        try:
            done = subprocess.run(
                (*argv, "images", "import", str(archive)),
                capture_output=True,
                text=True,
                timeout=PATIENCE_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise LocalError(f"{archive} was not imported in {PATIENCE_SECONDS} s.") from None
        if done.returncode:
            raise LocalError(f"{archive} was not imported: {done.stderr.strip()}")
