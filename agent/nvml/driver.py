"""The driver as the agent sees it: open, close, and what each GPU is, does and holds."""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pynvml

from agent.catalogue import Series
from agent.nvml.calls import CALLS, FALLBACKS, Handle, fields
from agent.nvml.errors import Attempt, DriverUnavailable, GpuLost, raise_if_fatal
from agent.snapshot import Identity, Process

log = logging.getLogger(__name__)

_PROCESSES_MAX = 4096
_ARCHITECTURES = {
    getattr(pynvml, name): name.removeprefix("NVML_DEVICE_ARCH_").lower()
    for name in dir(pynvml)
    if name.startswith("NVML_DEVICE_ARCH_") and not name.endswith("UNKNOWN")
}


@dataclass(frozen=True)
class Reading:
    """What one GPU answered; what it does not support or failed to tell is absent."""

    values: dict[Series, float] = field(default_factory=dict)
    errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Failed calls by call and error."""


class Driver:
    """NVML, opened once and kept open; one thread at a time."""

    def __init__(self) -> None:
        if not hasattr(pynvml, "_nvmlGetFunctionPointer"):
            raise DriverUnavailable("the module pynvml is not nvidia-ml-py: pip install it instead")
        self.version = ""
        self.cuda = ""

    def open(self) -> int:
        """Start NVML and return how many GPUs there are; DriverUnavailable says what is missing."""
        try:
            pynvml.nvmlInit()
            self.version = pynvml.nvmlSystemGetDriverVersion()
            self.cuda = self._cuda()
            return int(pynvml.nvmlDeviceGetCount())
        except pynvml.NVMLError_LibraryNotFound:
            raise DriverUnavailable(
                "the loader finds no working libnvidia-ml.so.1: install the NVIDIA driver, "
                "or mount it with the NVIDIA container toolkit"
            ) from None
        except pynvml.NVMLError as error:
            raise DriverUnavailable(f"libnvidia-ml.so.1 answers: {error}") from error

    def close(self) -> None:
        """Let go of the driver; it may already be gone."""
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError as error:
            log.info("NVML was already shut down: %s", error)

    def handle(self, index: int) -> Handle:
        """The GPU's handle; GpuLost when it does not answer."""
        try:
            return pynvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError as error:
            raise_if_fatal(error)
            raise GpuLost(str(error)) from error

    def identity(self, handle: Handle, index: int) -> Identity:
        """Who the GPU is; texts that it does not support are empty."""
        number = _text(pynvml.nvmlDeviceGetArchitecture, handle)
        return Identity(
            index=index,
            uuid=_text(pynvml.nvmlDeviceGetUUID, handle),
            model=_text(pynvml.nvmlDeviceGetName, handle),
            architecture=_ARCHITECTURES.get(int(number), number) if number else "",
            pci_bus_id=_text(lambda h: pynvml.nvmlDeviceGetPciInfo(h).busId, handle),
            minor=_text(pynvml.nvmlDeviceGetMinorNumber, handle),
            serial=_text(pynvml.nvmlDeviceGetSerial, handle),
            vbios=_text(pynvml.nvmlDeviceGetVbiosVersion, handle),
        )

    def read(self, handle: Handle) -> Reading:
        """Every supported value of one GPU; GpuLost, or DriverUnavailable when all are gone."""
        reading = Reading()
        for call, read in CALLS:
            with Attempt(call, reading.errors):
                reading.values.update(read(handle))
        with Attempt("nvmlDeviceGetFieldValues", reading.errors):
            reading.values.update(fields(handle))
        for series, (call, fallback) in FALLBACKS.items():
            if series not in reading.values:
                with Attempt(call, reading.errors):
                    reading.values[series] = fallback(handle)
        return reading

    def processes(self, handle: Handle) -> tuple[Process, ...] | None:
        """Who holds memory of the GPU; None when the driver does not tell."""
        try:
            found = pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle)[:_PROCESSES_MAX]
        except pynvml.NVMLError as error:
            raise_if_fatal(error)
            return None
        return tuple(
            Process(pid=entry.pid, memory_bytes=entry.usedGpuMemory)
            for entry in found
            if entry.pid and entry.usedGpuMemory
        )

    def _cuda(self) -> str:
        try:
            number = int(pynvml.nvmlSystemGetCudaDriverVersion_v2())
        except pynvml.NVMLError:
            return ""
        return f"{number // 1000}.{number % 1000 // 10}"


def _text(call: Callable[[Handle], object], handle: Handle) -> str:
    try:
        value = call(handle)
    except pynvml.NVMLError as error:
        raise_if_fatal(error)
        return ""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
