"""Every device metric, as data: its name, type, unit by name, and own label.

Device series carry ``node``, ``uuid`` and ``gpu`` (the index); ``label`` is one more, or None.
Units are bytes, seconds, joules, hertz, watts, celsius and ratios of 0 to 1.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One family of device series."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    label: str | None = None


UTILIZATION = "neurox_gpu_utilization_ratio"
BUSY_SECONDS = "neurox_gpu_busy_seconds_total"
MEMORY_TOTAL = "neurox_gpu_memory_total_bytes"
MEMORY_USED = "neurox_gpu_memory_used_bytes"
MEMORY_FREE = "neurox_gpu_memory_free_bytes"
MEMORY_RESERVED = "neurox_gpu_memory_reserved_bytes"
POWER = "neurox_gpu_power_watts"
POWER_LIMIT = "neurox_gpu_power_limit_watts"
ENERGY = "neurox_gpu_energy_joules_total"
TEMPERATURE = "neurox_gpu_temperature_celsius"
CLOCK = "neurox_gpu_clock_hertz"
CLOCK_MAX = "neurox_gpu_clock_max_hertz"

DEVICE_METRICS = (
    Metric(UTILIZATION, "gauge", "Share of the driver's last sample period with work running."),
    Metric(BUSY_SECONDS, "counter", "Utilization integrated over time."),
    Metric(MEMORY_TOTAL, "gauge", "Memory of the GPU."),
    Metric(MEMORY_USED, "gauge", "Memory in use, without what the driver reserves."),
    Metric(MEMORY_FREE, "gauge", "Memory that can be allocated."),
    Metric(MEMORY_RESERVED, "gauge", "Memory that the driver keeps for itself."),
    Metric(POWER, "gauge", "Power drawn now."),
    Metric(POWER_LIMIT, "gauge", "Power limits of the GPU.", "kind"),
    Metric(ENERGY, "counter", "Energy drawn."),
    Metric(TEMPERATURE, "gauge", "Temperature by sensor.", "sensor"),
    Metric(CLOCK, "gauge", "Clock rate by domain.", "domain"),
    Metric(CLOCK_MAX, "gauge", "Highest clock rate by domain.", "domain"),
)

Series = tuple[str, str]
"""A metric's name and the value of its own label, "" where it has none."""
