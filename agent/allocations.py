"""Which GPU a granted device is, on this node: from device ids to uuids."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

from agent.deviceid import Device
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
        self._minors: dict[str, str] = {}
        self._migs: dict[str, str] = {}
        self._instances: dict[tuple[str, int, int | None], str] = {}

    def learn(self, gpus: Sequence[Gpu]) -> None:
        """Take the names of the GPUs that are up."""
        for gpu in gpus:
            if not gpu.up:
                continue
            uuid = gpu.identity.uuid
            self._minors[gpu.identity.minor or str(gpu.identity.index)] = uuid
            self._migs = {mig: of for mig, of in self._migs.items() if of != uuid}
            self._instances = {k: mig for k, mig in self._instances.items() if k[0] != uuid}
            for instance in gpu.migs:
                for mig in instance.devices:
                    self._migs[mig.uuid] = uuid
                    self._instances[uuid, mig.gi, mig.ci] = mig.uuid
                    self._instances.setdefault((uuid, mig.gi, None), mig.uuid)

    def named(self, device: Device) -> tuple[str, str] | None:
        """Uuids of the GPU and of the MIG device, if it is one; None: not of this node."""
        if device.mig_uuid:
            gpu = self._migs.get(device.mig_uuid)
            return (gpu, device.mig_uuid) if gpu else None
        uuid = device.uuid or self._minors.get(device.minor, "")
        if not uuid:
            return None
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


def allocated(
    grants: Iterable[Grant],
    named: Callable[[Device], tuple[str, str] | None],
    uids: Callable[[tuple[str, str]], str],
    mps: Callable[[str], bool],
) -> tuple[Allocation, ...]:
    """The grants with uuids; those that nothing on this node answers to are left out."""
    found = []
    for grant in grants:
        if (uuids := named(grant.device)) is None:
            continue
        pod = (grant.namespace, grant.pod)
        how = mode(grant.device, mps(uuids[0]))
        more = (grant.container, grant.resource, how, uuids[1], uids(pod))
        found.append(Allocation(uuids[0], *pod, *more))
    return tuple(sorted(set(found), key=astuple))
