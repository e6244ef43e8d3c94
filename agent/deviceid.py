"""What the kubelet's device ids mean; the resource's name is no guide, vendors rename it."""

import re
from dataclasses import dataclass

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_GPU = re.compile(rf"(GPU-{_UUID})(::\d+)?", re.IGNORECASE)
_MIG = re.compile(rf"(MIG-{_UUID}|MIG-GPU-{_UUID}/\d+/\d+)(::\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class Device:
    """A GPU or a part of one. ``mode``: exclusive, timeslice (a replica) or mig."""

    uuid: str
    mode: str


def parse(device_id: str) -> Device | None:
    """The device behind ``GPU-<uuid>``, ``MIG-<uuid>`` and their ``::N`` replicas; else None."""
    if match := _GPU.fullmatch(device_id):
        return Device(match[1], "timeslice" if match[2] else "exclusive")
    if match := _MIG.fullmatch(device_id):
        return Device(match[1], "mig")
    return None
