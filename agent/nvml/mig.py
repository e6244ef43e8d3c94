"""The MIG devices of a GPU, put together by GPU instance."""

from collections.abc import Iterable
from ctypes import byref, c_uint
from dataclasses import dataclass

import pynvml

from agent.nvml.errors import UNSUPPORTED, Errors, name_of, raise_if_fatal
from agent.nvml.library import Handle, supported
from agent.nvml.text import text
from agent.snapshot import MigDevice

_DEVICES_MAX = 64
_NO_DEVICE = (
    *UNSUPPORTED,
    pynvml.NVML_ERROR_NOT_FOUND,
    pynvml.NVML_ERROR_INVALID_ARGUMENT,
)


@dataclass(frozen=True)
class Instance:
    """A GPU instance: its compute slices, its MIG devices, and their handles."""

    gi: int
    slices: int
    devices: tuple[MigDevice, ...]
    handles: tuple[Handle, ...]


def instances(handle: Handle, errors: Errors) -> tuple[Instance, ...]:
    """The GPU instances that have a compute instance; none where MIG is off."""
    count = c_uint()
    if not supported("nvmlDeviceGetMaxMigDeviceCount", errors, handle, byref(count)):
        return ()
    numbers = range(min(count.value, _DEVICES_MAX))
    devices = (_device(handle, number, errors) for number in numbers)
    return grouped(device for device in devices if device)


def grouped(devices: Iterable[tuple[MigDevice, int, Handle]]) -> tuple[Instance, ...]:
    """Devices with the slices of their GPU instance, by it; one that is told twice counts once."""
    found: dict[int, Instance] = {}
    for device, slices, mig in devices:
        before = found.get(device.gi, Instance(device.gi, slices, (), ()))
        if device not in before.devices:
            both = (*before.devices, device), (*before.handles, mig)
            found[device.gi] = Instance(device.gi, slices, *both)
    return tuple(found[gi] for gi in sorted(found))


def _device(handle: Handle, index: int, errors: Errors) -> tuple[MigDevice, int, Handle] | None:
    mig = _handle(handle, index, errors)
    gi, ci = c_uint(), c_uint()
    attributes = pynvml.c_nvmlDeviceAttributes()
    if not (
        mig
        and supported("nvmlDeviceGetGpuInstanceId", errors, mig, byref(gi))
        and supported("nvmlDeviceGetComputeInstanceId", errors, mig, byref(ci))
        and supported("nvmlDeviceGetAttributes_v2", errors, mig, byref(attributes))
    ):
        return None
    profile = text(pynvml.nvmlDeviceGetName, mig, errors).rpartition(" MIG ")[2]
    if not profile or " " in profile:
        profile = _profile(attributes)
    uuid = text(pynvml.nvmlDeviceGetUUID, mig, errors)
    slices = int(attributes.gpuInstanceSliceCount)
    return MigDevice(uuid, gi.value, ci.value, profile), slices, mig


def _handle(handle: Handle, index: int, errors: Errors) -> Handle | None:
    """None where there is no MIG device of that number, which is no failure."""
    try:
        return pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
    except pynvml.NVMLError as error:
        raise_if_fatal(error)
        if error.value not in _NO_DEVICE:
            errors["nvmlDeviceGetMigDeviceHandleByIndex", name_of(error.value)] += 1
        return None


def _profile(attributes: "pynvml.c_nvmlDeviceAttributes") -> str:
    """As in ``1g.10gb``, or ``1c.3g.40gb`` where a compute instance has fewer slices."""
    gpu, compute = attributes.gpuInstanceSliceCount, attributes.computeInstanceSliceCount
    part = f"{compute}c." if compute != gpu else ""
    return f"{part}{gpu}g.{round(attributes.memorySizeMB / 1024)}gb"
