"""Memory errors by where they happened, as far as a GPU tells it apart."""

from ctypes import c_ulonglong
from typing import Any

import pynvml

from agent.catalogue import Series
from agent.nvml.calls import Found, Row, number, structure
from agent.nvml.library import BLANK, PLAUSIBLE, plain

_NAME = "neurox_gpu_ecc_location_errors_total"
_SEVERITIES = {
    "corrected": pynvml.NVML_MEMORY_ERROR_TYPE_CORRECTED,
    "uncorrected": pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
}
_LIFETIMES = {"volatile": pynvml.NVML_VOLATILE_ECC, "aggregate": pynvml.NVML_AGGREGATE_ECC}
_LOCATIONS = {
    "l1_cache": pynvml.NVML_MEMORY_LOCATION_L1_CACHE,
    "l2_cache": pynvml.NVML_MEMORY_LOCATION_L2_CACHE,
    "device_memory": pynvml.NVML_MEMORY_LOCATION_DEVICE_MEMORY,
    "register_file": pynvml.NVML_MEMORY_LOCATION_REGISTER_FILE,
    "texture_memory": pynvml.NVML_MEMORY_LOCATION_TEXTURE_MEMORY,
    "texture_shared": pynvml.NVML_MEMORY_LOCATION_TEXTURE_SHM,
    "cbu": pynvml.NVML_MEMORY_LOCATION_CBU,
}
"""Before Ampere a GPU tells on-chip memories one by one; since then all of them as SRAM."""


def _sram(status: Any) -> Found:
    counts = {
        ("corrected", "volatile"): (status.volatileCor,),
        ("corrected", "aggregate"): (status.aggregateCor,),
        ("uncorrected", "volatile"): (status.volatileUncParity, status.volatileUncSecDed),
        ("uncorrected", "aggregate"): (status.aggregateUncParity, status.aggregateUncSecDed),
    }
    for labels, parts in counts.items():
        if BLANK.isdisjoint(parts) and sum(parts) <= PLAUSIBLE:
            series: Series = (_NAME, (*labels, "sram"))
            yield series, sum(parts)


ECC_ROWS: tuple[Row, ...] = (
    *(
        number(
            (_NAME, (severity, lifetime, location)),
            "nvmlDeviceGetMemoryErrorCounter",
            inputs=(kind, counter, place),
            kind=c_ulonglong,
        )
        for location, place in _LOCATIONS.items()
        for severity, kind in _SEVERITIES.items()
        for lifetime, counter in _LIFETIMES.items()
    ),
    Row(
        (_NAME,),
        "nvmlDeviceGetSramEccErrorStatus",
        (
            structure(
                plain(pynvml.c_nvmlEccSramErrorStatus_v1_t),
                version=pynvml.nvmlEccSramErrorStatus_v1,
            ),
        ),
        _sram,
    ),
)
"""The calls; what a GPU does not support of them is asked for once."""
