"""The volumes of the class ``standard``, decided over plain objects; the loop is ``provisioner``.

They are ``local`` ones. Unlike the host paths that kube-controller-manager can make, the kubelet
gives them to the pod's fsGroup, as it does with a cloud's disks, so a pod need not be root.
"""

from collections.abc import Iterable
from typing import Any

from infra.local.node.layout import Layout

CLASS = "standard"
PROVISIONER = "neurox.io/node-folder"
_BY = "pv.kubernetes.io/provisioned-by"


def wanted(
    claims: Iterable[dict[str, Any]], volumes: Iterable[dict[str, Any]], at: Layout
) -> list[dict[str, Any]]:
    """A volume for each claim of the class that has none yet."""
    known = {volume["metadata"]["name"] for volume in volumes}
    asked = [
        volume_for(claim, at)
        for claim in claims
        if claim["spec"].get("storageClassName") == CLASS and not claim["spec"].get("volumeName")
    ]
    return [volume for volume in asked if volume["metadata"]["name"] not in known]


def released(volumes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Volumes of ours whose claim is gone and that are not to be kept."""
    return [
        volume
        for volume in volumes
        if volume["metadata"].get("annotations", {}).get(_BY) == PROVISIONER
        and volume["status"].get("phase") == "Released"
        and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    ]


def volume_for(claim: dict[str, Any], at: Layout) -> dict[str, Any]:
    """The volume that a claim gets: a folder of the node's, of unlimited size."""
    meta, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{meta['uid']}"
    owner = {key: meta[key] for key in ("namespace", "name", "uid")}
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [at.name]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {_BY: PROVISIONER}},
        "spec": {
            "storageClassName": CLASS,
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "persistentVolumeReclaimPolicy": "Delete",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **owner},
            "local": {"path": str(at.volumes / name)},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
        },
    }
