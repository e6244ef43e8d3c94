"""The driver as the agent sees it: open, close, how many GPUs there are, and who each is."""

import logging
import threading
from collections.abc import Collection

import pynvml

from agent.nvml.errors import DriverUnavailable, Errors, GpuLost, name_of, raise_if_fatal
from agent.nvml.library import Handle, calling, enter
from agent.nvml.text import decoded, text
from agent.snapshot import Identity

log = logging.getLogger(__name__)

GPUS_MAX = 256
DETAILS = ("nvlink", "tensor")
"""Bytes of each NVLink, and activity of each kind of tensor pipe: many series, few need them."""
_ARCHITECTURES = {
    getattr(pynvml, name): name.removeprefix("NVML_DEVICE_ARCH_").lower()
    for name in dir(pynvml)
    if name.startswith("NVML_DEVICE_ARCH_") and not name.endswith("UNKNOWN")
}


class Driver:
    """NVML, opened once and kept open; ``detail`` is what is read beyond the usual (DETAILS)."""

    def __init__(self, detail: Collection[str] = ()) -> None:
        if not hasattr(pynvml, "_nvmlGetFunctionPointer"):
            raise DriverUnavailable("the module pynvml is not nvidia-ml-py: pip install it instead")
        self.detail = detail
        self.version = ""
        self.cuda = ""

    def open(self) -> int:
        """Start NVML and return how many GPUs there are; DriverUnavailable says what is missing."""
        try:
            enter("nvmlInitWithFlags")
            pynvml.nvmlInit()
            self.version = decoded(pynvml.nvmlSystemGetDriverVersion)
            self.cuda = self._cuda()
        except pynvml.NVMLError_LibraryNotFound:
            raise DriverUnavailable(
                "the loader finds no working libnvidia-ml.so.1: install the NVIDIA driver, "
                "or mount it with the NVIDIA container toolkit"
            ) from None
        except pynvml.NVMLError as error:
            raise _unavailable(error) from error
        return self.count()

    def count(self) -> int:
        """How many GPUs the driver knows now."""
        try:
            enter("nvmlDeviceGetCount_v2")
            return min(int(pynvml.nvmlDeviceGetCount()), GPUS_MAX)
        except pynvml.NVMLError as error:
            raise _unavailable(error) from error

    def close(self) -> None:
        """Let go of the driver; it may already be gone."""
        try:
            enter("nvmlShutdown")
            pynvml.nvmlShutdown()
        except pynvml.NVMLError as error:
            log.info("NVML was already shut down: %s", error)

    def handle(self, index: int) -> Handle:
        """The GPU's handle; GpuLost when it does not answer."""
        try:
            enter("nvmlDeviceGetHandleByIndex_v2")
            return pynvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError as error:
            raise _lost(error) from error

    def identity(self, handle: Handle, index: int, errors: Errors) -> Identity:
        """Who the GPU is; texts that it does not support are empty, and GpuLost without a uuid."""
        number = text(pynvml.nvmlDeviceGetArchitecture, handle, errors)
        return Identity(
            index=index,
            uuid=_uuid(handle),
            model=text(pynvml.nvmlDeviceGetName, handle, errors),
            architecture=_ARCHITECTURES.get(int(number), number) if number else "",
            pci_bus_id=text(_bus_id, handle, errors),
            minor=text(pynvml.nvmlDeviceGetMinorNumber, handle, errors),
            serial=text(pynvml.nvmlDeviceGetSerial, handle, errors),
            vbios=text(pynvml.nvmlDeviceGetVbiosVersion, handle, errors),
            mig=text(_mig, handle, errors),
        )

    def draws(self, handle: Handle, errors: Errors) -> bool:
        """Whether a display is set up on it: only then there are graphics processes to list."""
        return text(pynvml.nvmlDeviceGetDisplayActive, handle, errors) == "1"

    def _cuda(self) -> str:
        try:
            number = int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
        except pynvml.NVMLError:
            return ""
        return f"{number // 1000}.{number % 1000 // 10}"


def _unavailable(error: pynvml.NVMLError) -> DriverUnavailable:
    """Of a call without which nothing can be told."""
    if error.value != pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:
        return DriverUnavailable(f"libnvidia-ml.so.1 answers: {error}")
    lacks = calling[threading.get_ident()]
    return DriverUnavailable(f"libnvidia-ml.so.1 has no {lacks}: install a newer NVIDIA driver")


def _lost(error: pynvml.NVMLError) -> Exception:
    """Of a call without which nothing can be told of one GPU."""
    raise_if_fatal(error)
    if error.value == pynvml.NVML_ERROR_FUNCTION_NOT_FOUND:  # It is so with each of them.
        return _unavailable(error)
    return GpuLost(str(error), name_of(error.value))


def _uuid(handle: Handle) -> str:
    try:
        found = decoded(pynvml.nvmlDeviceGetUUID, handle)
    except pynvml.NVMLError as error:
        raise _lost(error) from error
    if not found:
        raise GpuLost("the GPU does not tell its uuid", "unknown")
    return found


def _bus_id(handle: Handle) -> object:
    enter("nvmlDeviceGetPciInfo_v3")
    return pynvml.nvmlDeviceGetPciInfo(handle).busId


def _mig(handle: Handle) -> str:
    enter("nvmlDeviceGetMigMode")
    return "enabled" if pynvml.nvmlDeviceGetMigMode(handle)[0] else "disabled"
