"""Which NVML call gives which series: three tables, and the few lines that read them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pynvml

from agent.catalogue import ENERGY, MEMORY_USED, POWER, UTILIZATION, Series
from agent.nvml.errors import LOST

Handle = Any


def _utilization(handle: Handle) -> Iterator[tuple[Series, float]]:
    yield UTILIZATION, pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100


def _memory(handle: Handle) -> Iterator[tuple[Series, float]]:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    yield ("neurox_gpu_memory_total_bytes", ()), memory.total
    yield MEMORY_USED, memory.used
    yield ("neurox_gpu_memory_free_bytes", ()), memory.free
    yield ("neurox_gpu_memory_reserved_bytes", ()), memory.reserved


def _temperature(handle: Handle) -> Iterator[tuple[Series, float]]:
    try:
        celsius = pynvml.nvmlDeviceGetTemperatureV(handle, pynvml.NVML_TEMPERATURE_GPU)
    except pynvml.NVMLError_FunctionNotFound:  # drivers before R560
        celsius = pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)
    yield ("neurox_gpu_temperature_celsius", ("gpu",)), celsius


def _power_limit(handle: Handle) -> Iterator[tuple[Series, float]]:
    milliwatts = pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)
    yield ("neurox_gpu_power_limit_watts", ("enforced",)), milliwatts / 1000


def _clock(metric: str, call: str, domain: int, label: str) -> "_Read":
    def read(handle: Handle) -> Iterator[tuple[Series, float]]:
        yield (metric, (label,)), getattr(pynvml, call)(handle, domain) * 1e6

    return read


_Read = Callable[[Handle], Iterable[tuple[Series, float]]]
_CLOCKS = ((pynvml.NVML_CLOCK_SM, "sm"), (pynvml.NVML_CLOCK_MEM, "memory"))
CALLS: tuple[tuple[str, _Read], ...] = (
    ("nvmlDeviceGetUtilizationRates", _utilization),
    ("nvmlDeviceGetMemoryInfo_v2", _memory),
    ("nvmlDeviceGetTemperatureV", _temperature),
    ("nvmlDeviceGetEnforcedPowerLimit", _power_limit),
    *(
        (call, _clock(metric, call, domain, label))
        for metric, call in (
            ("neurox_gpu_clock_hertz", "nvmlDeviceGetClockInfo"),
            ("neurox_gpu_clock_max_hertz", "nvmlDeviceGetMaxClockInfo"),
        )
        for domain, label in _CLOCKS
    ),
)
_FIELDS: dict[int, tuple[Series, float]] = {
    pynvml.NVML_FI_DEV_POWER_INSTANT: (POWER, 1e-3),
    pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION: (ENERGY, 1e-3),
    pynvml.NVML_FI_DEV_MEMORY_TEMP: (("neurox_gpu_temperature_celsius", ("memory",)), 1.0),
}
"""Read in one batched call: the series, and what one unit of the field is worth."""
FALLBACKS: dict[Series, tuple[str, Callable[[Handle], float]]] = {
    POWER: (
        "nvmlDeviceGetPowerUsage",
        lambda handle: pynvml.nvmlDeviceGetPowerUsage(handle) / 1000,
    ),
    ENERGY: (
        "nvmlDeviceGetTotalEnergyConsumption",
        lambda handle: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000,
    ),
}
_UNION = {
    pynvml.NVML_VALUE_TYPE_DOUBLE: "dVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_INT: "uiVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG: "ulVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_LONG_LONG: "ullVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_LONG_LONG: "sllVal",
    pynvml.NVML_VALUE_TYPE_SIGNED_INT: "siVal",
    pynvml.NVML_VALUE_TYPE_UNSIGNED_SHORT: "usVal",
}
_BLANK = (0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
"""What drivers write where they mean "no value"."""


def fields(handle: Handle) -> Iterator[tuple[Series, float]]:
    """The batched fields that the GPU supports."""
    for entry in pynvml.nvmlDeviceGetFieldValues(handle, list(_FIELDS)):
        if entry.nvmlReturn in LOST:
            raise pynvml.NVMLError(entry.nvmlReturn)
        union = _UNION.get(entry.valueType)
        if entry.nvmlReturn != pynvml.NVML_SUCCESS or union is None:
            continue
        value = getattr(entry.value, union)
        if value not in _BLANK:
            series, unit = _FIELDS[entry.fieldId]
            yield series, value * unit
