"""``python -m infra.local.node.provisioner FOLDER``: makes and removes a node's volumes."""

import shutil
import sys
import time
from pathlib import Path

from infra.local.errors import LocalError
from infra.local.node import volumes
from infra.local.node.layout import Layout
from infra.local.sandbox.kube import Kube
from infra.local.sandbox.servers import kube_of

POLL_SECONDS = 0.5


def step(kube: Kube, at: Layout) -> None:
    """Make what is wanted, remove what is released."""
    known = kube.get("/api/v1/persistentvolumes")["items"]
    claims = kube.get("/api/v1/persistentvolumeclaims")["items"]
    for volume in volumes.wanted(claims, known, at):
        Path(volume["spec"]["local"]["path"]).mkdir(parents=True, exist_ok=True)
        kube.post("/api/v1/persistentvolumes", volume)
    for volume in volumes.released(known):
        shutil.rmtree(volume["spec"]["local"]["path"], ignore_errors=True)
        kube.delete(f"/api/v1/persistentvolumes/{volume['metadata']['name']}")


def main(folder: Path) -> None:
    """Until it is killed."""
    at = Layout.read(folder)
    kube = kube_of(at.cluster)
    while True:
        try:
            step(kube, at)
        except LocalError as error:
            sys.stderr.write(f"{error}; next try in {POLL_SECONDS:g} s\n")
        time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
