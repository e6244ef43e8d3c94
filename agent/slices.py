"""Devices that are claimed (DRA): which GPU is meant by a pool and a name."""

import threading
from collections.abc import Mapping
from typing import Any

from agent.apiserver import ApiServer
from agent.watch import Resource, Watch, text

Devices = dict[str, str]
"""Uuids by ``POOL/DEVICE``."""


def slices_of(node: str) -> Resource[Devices]:
    """The ResourceSlices of a node, in every version of the API since Kubernetes 1.32."""
    versions = ("v1", "v1beta2", "v1beta1")
    return Resource(
        paths=tuple(f"/apis/resource.k8s.io/{version}/resourceslices" for version in versions),
        selector=f"spec.nodeName={node}",
        metadata=False,
        keep=_kept,
    )


def _kept(one: Mapping[str, Any]) -> Devices:
    pool, found = text(one["spec"]["pool"], "name"), {}
    for device in one["spec"].get("devices") or ():
        told = device.get("basic", device).get("attributes") or {}
        if uuid := _uuid(told):
            found[f"{pool}/{text(device, 'name')}"] = uuid
    return found


def _uuid(attributes: Mapping[str, Any]) -> str:
    """The attribute's name may carry its driver's domain."""
    for name, value in attributes.items():
        if name.rpartition("/")[2] == "uuid" and isinstance(value.get("string"), str):
            return str(value["string"])
    return ""


class Slices:
    """Asked for only once a claim was seen: most clusters have none, nor the right to list them."""

    def __init__(self, api: ApiServer, node: str) -> None:
        self.revision = 0
        self._watch = Watch(api, slices_of(node))
        self._wanted = threading.Event()
        self._seen: Mapping[str, Devices] = {}
        self._uuids: Devices = {}

    def run(self, stop: threading.Event) -> None:
        """Follow the slices from the first claim until ``stop``."""
        while not stop.is_set():
            if self._wanted.wait(1):
                self._watch.run(stop)

    def refresh(self) -> None:
        """Take what has changed."""
        items = self._watch.items
        if items is not self._seen:
            self._seen = items
            self._uuids = {claim: uuid for one in items.values() for claim, uuid in one.items()}
            self.revision += 1

    def uuid(self, claim: str) -> str | None:
        """The uuid of ``POOL/DEVICE``."""
        self._wanted.set()
        return self._uuids.get(claim)
