"""What the kubelet's device ids mean; the resource's name is no guide, vendors rename it."""

import re
from dataclasses import dataclass

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# HAMi counts its parts of a GPU by `-N`, and by `[TEMPLATE-N]` where it makes MIG devices.
_GPU = re.compile(rf"(GPU-{_UUID})(::\d+|-\d+|\[\d+-\d+\])?", re.IGNORECASE)
_MIG = re.compile(rf"(MIG-{_UUID})(::\d+)?", re.IGNORECASE)
_MIG_OLD = re.compile(rf"MIG-(GPU-{_UUID})/(\d+)/(\d+)(::\d+)?", re.IGNORECASE)
_GKE = re.compile(r"nvidia(\d{1,3})(?:/gi(\d{1,3}))?(/vgpu\d+)?")


@dataclass(frozen=True)
class Device:
    """A GPU or a part of one, by whichever of its names the device id told."""

    uuid: str = ""
    """The GPU's."""
    mig_uuid: str = ""
    minor: str = ""
    """The number in the GPU's device file, ``/dev/nvidiaN``."""
    gi: int | None = None
    ci: int | None = None
    replica: bool = False
    """One of several that stand for the same device: whoever holds it shares it."""
    claim: str = ""
    """``POOL/DEVICE`` of a ResourceSlice, which knows the uuid (DRA)."""
    hami: bool = False
    """HAMi picks the GPU itself and writes it on the pod: the kubelet's pick is void."""


def parse(device_id: str) -> Device | None:
    """The device behind an id of a device plugin; None for those of other hardware."""
    if match := _GPU.fullmatch(device_id):
        hami = bool(match[2]) and not match[2].startswith("::")
        return Device(uuid=match[1], replica=bool(match[2]), hami=hami)
    if match := _MIG.fullmatch(device_id):
        return Device(mig_uuid=match[1], replica=bool(match[2]))
    if match := _MIG_OLD.fullmatch(device_id):
        return Device(match[1], gi=int(match[2]), ci=int(match[3]), replica=bool(match[4]))
    if match := _GKE.fullmatch(device_id):
        gi = None if match[2] is None else int(match[2])
        return Device(minor=str(int(match[1])), gi=gi, replica=bool(match[3]))
    return None


def of_hami(annotation: str) -> list[str]:
    """The GPUs' uuids in HAMi's annotation: ``UUID,TYPE,MEMORY,CORES:`` each, ``;`` a container."""
    parts = re.split("[:;]", annotation)
    found = (_GPU.fullmatch(part.partition(",")[0].strip()) for part in parts)
    return [match[1] for match in found if match]
