"""Which NVML call gives which series of a GPU; how often it is asked stands in the catalogue."""

from collections.abc import Iterable
from ctypes import c_int, c_ulonglong
from typing import Any

import pynvml

from agent.catalogue import MEMORY_USED, UTILIZATION, Series
from agent.nvml.calls import Found, Row, number, structure
from agent.nvml.ecc import ECC_ROWS
from agent.nvml.library import PLAUSIBLE, plain


def _gpu(name: str, *labels: str) -> Series:
    return f"neurox_gpu_{name}", labels


def _names(*names: str) -> tuple[str, ...]:
    return tuple(f"neurox_gpu_{name}" for name in names)


MIG_MODE = _gpu("mig_mode", "no")


def _rates(rates: Any) -> Found:
    found = (UTILIZATION, rates.gpu), (_gpu("memory_controller_utilization_ratio"), rates.memory)
    return [(series, percent / 100) for series, percent in found if percent <= 100]


def _of_all(total: int, parts: Iterable[tuple[Series, int]]) -> Found:
    """Parts of a memory; none is more than all, and all is not what stands for no value."""
    return [(series, part) for series, part in parts if part <= total <= PLAUSIBLE]


def _memory(memory: Any) -> Found:
    yield from _memory_v1(memory)
    yield from _of_all(memory.total, [(_gpu("memory_reserved_bytes"), memory.reserved)])


def _memory_v1(memory: Any) -> Found:
    found = [
        (_gpu("memory_total_bytes"), memory.total),
        (MEMORY_USED, memory.used),
        (_gpu("memory_free_bytes"), memory.free),
    ]
    return _of_all(memory.total, found)


def _bar1(memory: Any) -> Found:
    total, used = _gpu("bar1_memory_total_bytes"), _gpu("bar1_memory_used_bytes")
    return _of_all(memory.bar1Total, [(total, memory.bar1Total), (used, memory.bar1Used)])


REASONS = {
    0x1: "idle",
    0x2: "app_clocks",
    0x4: "power_cap",
    0x8: "hw_slowdown",
    0x10: "sync_boost",
    0x20: "thermal",
    0x40: "hw_thermal",
    0x80: "power_brake",
    0x100: "display",
}
"""Why clocks are held back, by bit."""


def _reasons(mask: Any) -> Found:
    for bit, reason in REASONS.items():
        yield _gpu("clock_event_active", reason), float(bool(mask.value & bit))


def _histogram(banks: Any) -> Found:
    for availability in ("max", "high", "partial", "low", "none"):
        yield _gpu("row_remap_banks", availability), getattr(banks, availability)


def _fabric(info: Any) -> Found:
    if info.state != pynvml.NVML_GPU_FABRIC_STATE_NOT_SUPPORTED:
        yield _gpu("fabric_state"), info.state
    summary = getattr(info, "healthSummary", 0)
    if summary != pynvml.NVML_GPU_FABRIC_HEALTH_SUMMARY_NOT_SUPPORTED:
        yield _gpu("fabric_health"), summary


def _switch(series: Series, found: Any) -> Found:
    return [(series, found.value)] if found.value in (0, 1) else []


def _ecc_mode(current: Any, _: Any) -> Found:
    return _switch(_gpu("ecc_enabled"), current)


def _mig_mode(current: Any, pending: Any) -> Found:
    return [*_switch(MIG_MODE, current), *_switch(_gpu("mig_mode", "yes"), pending)]


_MEMORY = _names(*(f"memory_{part}_bytes" for part in ("total", "used", "free", "reserved")))
_MEMORY_V1 = Row(
    _MEMORY[:3], "nvmlDeviceGetMemoryInfo", (plain(pynvml.c_nvmlMemory_t),), _memory_v1
)
_REASONS_OLD = Row(
    _names("clock_event_active"),
    "nvmlDeviceGetCurrentClocksThrottleReasons",
    (c_ulonglong,),
    _reasons,
)
_TEMPERATURE = _gpu("temperature_celsius", "gpu")
_CELSIUS_MOST = 1000


def _celsius(found: Any) -> Found:
    if 0 <= found.temperature <= _CELSIUS_MOST:
        yield _TEMPERATURE, found.temperature


def _margin(found: Any) -> Found:
    if abs(found.marginTemperature) <= _CELSIUS_MOST:  # below zero beyond the limit
        yield _gpu("temperature_margin_celsius"), found.marginTemperature


_FAST = (
    Row(
        _names("utilization_ratio", "memory_controller_utilization_ratio"),
        "nvmlDeviceGetUtilizationRates",
        (plain(pynvml.c_nvmlUtilization_t),),
        _rates,
    ),
    Row(
        _MEMORY,
        "nvmlDeviceGetMemoryInfo_v2",
        (structure(plain(pynvml.c_nvmlMemory_v2_t), version=pynvml.nvmlMemory_v2),),
        _memory,
        otherwise=_MEMORY_V1,
    ),
    Row(
        _names("temperature_celsius"),
        "nvmlDeviceGetTemperatureV",
        (structure(plain(pynvml.c_nvmlTemperature_v1_t), version=pynvml.nvmlTemperature_v1),),
        _celsius,
        otherwise=number(
            _TEMPERATURE,
            "nvmlDeviceGetTemperature",
            inputs=(pynvml.NVML_TEMPERATURE_GPU,),
            most=_CELSIUS_MOST,
        ),
    ),
    Row(
        _names("clock_event_active"),
        "nvmlDeviceGetCurrentClocksEventReasons",
        (c_ulonglong,),
        _reasons,
        otherwise=_REASONS_OLD,
    ),
)
_CLOCKS = {
    "graphics": pynvml.NVML_CLOCK_GRAPHICS,
    "sm": pynvml.NVML_CLOCK_SM,
    "memory": pynvml.NVML_CLOCK_MEM,
    "video": pynvml.NVML_CLOCK_VIDEO,
}
_FAN, _FAN_MOST = _gpu("fan_speed_ratio"), 200
"""Percent: a fan may be faster than it was built for."""
_MEDIUM = (
    *(
        number(_gpu(f"{engine}_utilization_ratio"), call, 0.01, more=1, most=100)
        for engine, call in (
            ("encoder", "nvmlDeviceGetEncoderUtilization"),
            ("decoder", "nvmlDeviceGetDecoderUtilization"),
            ("jpeg", "nvmlDeviceGetJpgUtilization"),
            ("ofa", "nvmlDeviceGetOfaUtilization"),
        )
    ),
    number(_gpu("encoder_sessions"), "nvmlDeviceGetEncoderStats", more=2),
    number(
        _FAN,
        "nvmlDeviceGetFanSpeed_v2",
        0.01,
        inputs=(0,),
        most=_FAN_MOST,
        otherwise=number(_FAN, "nvmlDeviceGetFanSpeed", 0.01, most=_FAN_MOST),
    ),
    *(
        number(_gpu("clock_hertz", domain), "nvmlDeviceGetClockInfo", 1e6, inputs=(code,))
        for domain, code in _CLOCKS.items()
    ),
    number(_gpu("performance_state"), "nvmlDeviceGetPerformanceState", most=15),
)
_LIMITS = {
    "shutdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SHUTDOWN,
    "slowdown": pynvml.NVML_TEMPERATURE_THRESHOLD_SLOWDOWN,
    "memory_max": pynvml.NVML_TEMPERATURE_THRESHOLD_MEM_MAX,
    "gpu_max": pynvml.NVML_TEMPERATURE_THRESHOLD_GPU_MAX,
}
_SLOW = (
    Row(
        _names("bar1_memory_total_bytes", "bar1_memory_used_bytes"),
        "nvmlDeviceGetBAR1MemoryInfo",
        (structure(pynvml.c_nvmlBAR1Memory_t),),
        _bar1,
    ),
    number(_gpu("power_limit_watts", "enforced"), "nvmlDeviceGetEnforcedPowerLimit", 1e-3),
    *(
        number(
            _gpu("temperature_limit_celsius", kind),
            "nvmlDeviceGetTemperatureThreshold",
            inputs=(code,),
            most=_CELSIUS_MOST,
        )
        for kind, code in _LIMITS.items()
    ),
    Row(
        _names("temperature_margin_celsius"),
        "nvmlDeviceGetMarginTemperature",
        (structure(pynvml.c_nvmlMarginTemperature_v1_t, version=pynvml.nvmlMarginTemperature_v1),),
        _margin,
    ),
    *(
        number(_gpu("clock_max_hertz", domain), "nvmlDeviceGetMaxClockInfo", 1e6, inputs=(code,))
        for domain, code in _CLOCKS.items()
    ),
    *(
        number(_gpu(f"pcie_link_{what}", kind), f"nvmlDeviceGet{word}PcieLink{what.title()}")
        for what in ("generation", "width")
        for kind, word in (("current", "Curr"), ("max", "Max"))
    ),
    Row(
        _names("fabric_state", "fabric_health"),
        "nvmlDeviceGetGpuFabricInfoV",
        (pynvml.c_nvmlGpuFabricInfo_v3_t,),
        _fabric,
        otherwise=Row(
            _names("fabric_state", "fabric_health"),
            "nvmlDeviceGetGpuFabricInfoV",
            (pynvml.c_nvmlGpuFabricInfo_v2_t,),
            _fabric,
        ),
    ),
    Row(_names("ecc_enabled"), "nvmlDeviceGetEccMode", (c_int, c_int), _ecc_mode),
    Row(
        _names("row_remap_banks"),
        "nvmlDeviceGetRowRemapperHistogram",
        (structure(pynvml.c_nvmlRowRemapperHistogramValues),),
        _histogram,
    ),
    number(_gpu("persistence_mode"), "nvmlDeviceGetPersistenceMode", most=1),
    Row(_names("mig_mode"), "nvmlDeviceGetMigMode", (c_int, c_int), _mig_mode),
)
ROWS: tuple[Row, ...] = (*_FAST, *_MEDIUM, *_SLOW, *ECC_ROWS)
"""All calls on a GPU that give values by themselves; the rest need more than one to tell one."""


_MIG_MEMORY = tuple(f"neurox_mig_memory_{part}_bytes" for part in ("total", "used", "free"))


def _mig_memory(memory: Any) -> Found:
    values = memory.total, memory.used, memory.free
    return _of_all(
        memory.total, [((name, ()), value) for name, value in zip(_MIG_MEMORY, values, strict=True)]
    )


MIG_ROWS: tuple[Row, ...] = (
    Row(
        _MIG_MEMORY,
        "nvmlDeviceGetMemoryInfo_v2",
        (structure(plain(pynvml.c_nvmlMemory_v2_t), version=pynvml.nvmlMemory_v2),),
        _mig_memory,
        otherwise=Row(
            _MIG_MEMORY, "nvmlDeviceGetMemoryInfo", (plain(pynvml.c_nvmlMemory_t),), _mig_memory
        ),
    ),
)
"""The calls on a MIG device that tell of its whole GPU instance."""
