"""Which GPU a granted device is, on this node: from device ids to uuids."""

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Protocol

from agent import deviceid
from agent.deviceid import Device
from agent.pods import Pod, PodNames
from agent.snapshot import Allocation, Gpu


@dataclass(frozen=True)
class Grant:
    """A device that the kubelet says a container was given."""

    namespace: str
    pod: str
    container: str
    resource: str
    """As ``nvidia.com/gpu``; the driver's name for a device that was claimed (DRA)."""
    device: Device


class NodeDevices:
    """The GPUs of this node by all their names.

    A GPU that is lost keeps its names, or its pod would lose it with the first hang.
    """

    def __init__(self) -> None:
        self._uuids: dict[str, str] = {}
        """As the driver writes them, by their small letters."""
        self._minors: dict[str, str] = {}
        self._migs: dict[str, tuple[str, str]] = {}
        """Uuids of the GPU and of the MIG device, by the latter's small letters."""
        self._instances: dict[tuple[str, int, int | None], str] = {}

    def learn(self, gpus: Sequence[Gpu]) -> None:
        """Take the names of the GPUs that are up."""
        for gpu in gpus:
            if not gpu.up:
                continue
            uuid = gpu.identity.uuid
            self._uuids[uuid.lower()] = uuid
            self._minors[gpu.identity.minor or str(gpu.identity.index)] = uuid
            self._migs = {mig: of for mig, of in self._migs.items() if of[0] != uuid}
            self._instances = {k: mig for k, mig in self._instances.items() if k[0] != uuid}
            for instance in gpu.migs:
                for mig in instance.devices:
                    self._migs[mig.uuid.lower()] = uuid, mig.uuid
                    self._instances[uuid, mig.gi, mig.ci] = mig.uuid
                    self._instances.setdefault((uuid, mig.gi, None), mig.uuid)

    def named(self, device: Device) -> tuple[str, str] | None:
        """Uuids of the GPU and of the MIG device, if it is one; None: nothing here has the name."""
        if device.mig_uuid:
            return self._migs.get(device.mig_uuid.lower())
        uuid = device.uuid or self._minors.get(device.minor, "")
        if not uuid:
            return None
        uuid = self._uuids.get(uuid.lower(), uuid)  # a GPU that never answered is taken as told
        if device.gi is None:
            return uuid, ""
        return uuid, self._instances.get((uuid, device.gi, device.ci), "")


def mode(device: Device, mps: bool) -> str:
    """How the device is shared; ``mps``: MPS clients were seen on its GPU."""
    if device.claim:
        return "dra"
    if device.mig_uuid or device.gi is not None:
        return "mig"
    if device.replica:
        return "mps" if mps else "timeslice"
    return "exclusive"


class Claimed(Protocol):
    """The devices of this node's ResourceSlices."""

    revision: int

    def refresh(self) -> None:
        """Take what has changed."""

    def uuid(self, claim: str) -> str | None:
        """The uuid of ``POOL/DEVICE``."""


class Given:
    """Reads the kubelet's grants as GPUs of this node."""

    def __init__(self, names: PodNames, claimed: Claimed | None) -> None:
        self.devices = NodeDevices()
        self._names = names
        self._claimed = claimed

    def allocations(self, grants: Iterable[Grant], mps: Container[str]) -> tuple[Allocation, ...]:
        """Those of pods that have not ended, of GPUs whose uuid is known.

        ``mps`` are the GPUs on which MPS clients were seen.
        """
        found = set()
        for grant in self._identified(grants):
            uuids, pod = self.devices.named(grant.device), (grant.namespace, grant.pod)
            if uuids is None or self._names.ended(pod):
                continue
            uuid, mig_uuid = uuids
            how = mode(grant.device, uuid in mps)
            to = (*pod, grant.container, grant.resource, how)
            found.add(Allocation(uuid, *to, mig_uuid, self._names.uid(pod)))
        return tuple(sorted(found, key=astuple))

    def _identified(self, grants: Iterable[Grant]) -> Iterator[Grant]:
        """Claims by their slices' uuids, and HAMi's parts by what HAMi wrote on the pod."""
        picked: dict[Pod, list[str]] = {}
        for grant in grants:
            device = grant.device
            pod = (grant.namespace, grant.pod)
            if device.claim:
                device = self._claimed_device(device.claim) or device
            elif device.hami:
                if pod not in picked:
                    picked[pod] = deviceid.of_hami(self._names.hami(pod))
                if picked[pod]:
                    device = replace(device, uuid=picked[pod].pop(0))
            yield replace(grant, device=device) if device is not grant.device else grant

    def _claimed_device(self, claim: str) -> Device | None:
        uuid = self._claimed.uuid(claim) if self._claimed else None
        device = deviceid.parse(uuid) if uuid else None
        return replace(device, claim=claim) if device else None
