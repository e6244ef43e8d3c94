"""GPM: activity of a Hopper or newer GPU, or a GPU instance, between two samples."""

from collections.abc import Mapping, Sequence
from ctypes import byref, c_uint
from typing import Any

import pynvml

from agent.catalogue import Series
from agent.nvml.errors import Errors, name_of
from agent.nvml.library import Handle, call, plain, supported

LEAST_SECONDS = 0.1
"""Two samples nearer than this are not defined."""
MOST_SECONDS = 600.0
"""A window over a longer gap says nothing of now."""
ACTIVITY = {
    1: "graphics_active_ratio",
    2: "sm_active_ratio",
    3: "sm_occupancy_ratio",
    5: "tensor_active_ratio",
    10: "dram_active_ratio",
}
PIPES = {11: "fp64", 12: "fp32", 13: "fp16", 4: "int"}
TENSORS = {6: "dfma", 7: "hmma", 8: "dmma", 9: "imma"}
RATES = {20: "transmit", 21: "receive"}
LINK_RATES = {61: "transmit", 60: "receive"}
"""Metrics by number; rates are of PCIe and of all NVLinks, in MiB/s."""
MIB = 1 << 20
_PERCENT_MOST, _MIB_MOST = 200.0, 1e7
"""No activity is more than all, give or take a rounding, and no link is that fast."""
_METRICS = plain(pynvml.c_nvmlGpmMetricsGet_t)
_QUIET = (
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_NO_DATA,
    pynvml.NVML_ERROR_NOT_FOUND,
)


def is_supported(handle: Handle, errors: Errors) -> bool:
    """Whether the GPU has GPM."""
    support = pynvml.c_nvmlGpmSupport_t(version=pynvml.NVML_GPM_SUPPORT_VERSION)
    answer = supported("nvmlGpmQueryDeviceSupport", errors, handle, byref(support))
    return bool(answer and support.isSupportedDevice)


def question(numbers: Sequence[int]) -> Any:
    """The memory of a question for metrics: 19 kB, so one is kept for a GPU and its instances."""
    asked = _METRICS(version=pynvml.NVML_GPM_METRICS_GET_VERSION, numMetrics=len(numbers))
    for at, number in enumerate(numbers):
        asked.metrics[at].metricId = number
    return asked


def ratios(metrics: Mapping[int, float], named: Mapping[int, Series]) -> dict[Series, float]:
    """Activity of 0 to 1 by series, out of percent by number."""
    return {
        series: min(1.0, metrics[number] / 100)
        for number, series in named.items()
        if number in metrics
    }


class Window:
    """Two samples, of a GPU or of GPU instance ``gi``; the older is overwritten by the next."""

    def __init__(self, handle: Handle, gi: int | None = None) -> None:
        if gi is None:
            self._take = ("nvmlGpmSampleGet", handle)
        else:
            self._take = ("nvmlGpmMigSampleGet", handle, c_uint(gi))  # type: ignore[assignment]
        self._samples: list[Any] = []
        self._at: float | None = None
        self._last: Mapping[int, float] = {}
        self.ended = False
        """Not supported after all."""

    def last(self, asked: Any, now: float, errors: Errors) -> tuple[Mapping[int, float], float]:
        """Metrics of the last window, and how many of its seconds are new since the last call.

        That is 0 while the window still tells what is; after one that failed there are no metrics.
        """
        fresh, seconds = self.fresh(now), 0.0
        if found := self.read(asked, now, errors):
            self._last, seconds = found
        elif not fresh:
            self._last = {}
        return self._last, seconds

    def read(self, asked: Any, now: float, errors: Errors) -> tuple[dict[int, float], float] | None:
        """Metrics since the last call, and over how many seconds; None without a window."""
        if self.ended or self.fresh(now):
            return None
        if not self._samples and not self._allocate(errors):
            return None
        before, self._at = self._at, None
        older, newer = self._samples
        answer = supported(self._take[0], errors, *self._take[1:], older)
        self.ended = answer is False
        if not answer:
            return None
        self._samples, self._at = [newer, older], now
        if before is None or not 0 < now - before <= MOST_SECONDS:
            return None
        asked.sample1, asked.sample2 = newer, older
        if not supported("nvmlGpmMetricsGet", errors, byref(asked)):
            return None
        return _values(asked, errors), now - before

    def fresh(self, now: float) -> bool:
        """Whether a sample was just taken, so that the last window still tells what is."""
        return self._at is not None and 0 <= now - self._at < LEAST_SECONDS

    def free(self) -> None:
        """Give the samples back; the memory is ours, whatever became of the driver."""
        while self._samples:
            sample = self._samples.pop()
            try:
                call("nvmlGpmSampleFree", sample)
            except pynvml.NVMLError:
                return  # the library went away with its memory

    def _allocate(self, errors: Errors) -> bool:
        for _ in range(2):
            sample = pynvml.c_nvmlGpmSample_t()
            if not supported("nvmlGpmSampleAlloc", errors, byref(sample)):
                self.free()
                return False
            self._samples.append(sample)
        return True


def _values(asked: Any, errors: Errors) -> dict[int, float]:
    found: dict[int, float] = {}
    for metric in asked.metrics[: asked.numMetrics]:
        code = metric.nvmlReturn
        if code == pynvml.NVML_SUCCESS:
            value = metric.value
            is_rate = metric.metricId in RATES or metric.metricId in LINK_RATES
            if 0 <= value <= (_MIB_MOST if is_rate else _PERCENT_MOST):
                found[metric.metricId] = value
        elif code not in _QUIET:
            errors["nvmlGpmMetricsGet", name_of(code)] += 1
    return found
