"""What a driver tells of a GPU's NVLinks one by one."""

from collections.abc import Mapping
from ctypes import byref, c_uint

from agent.catalogue import Series
from agent.nvml.errors import Errors
from agent.nvml.field_table import LINK_ERRORS, LINKS_MOST, NVLINKS, nvlink_errors
from agent.nvml.fields import FieldRow, Fields
from agent.nvml.library import Handle, supported


def link_up(link: int) -> Series:
    """Whether one NVLink is up."""
    return "neurox_gpu_nvlink_up", (str(link),)


class Links:
    """The NVLinks of one GPU."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._up = c_uint()
        self._errors: tuple[int, Fields] | None = None
        """For so many links."""

    def read(self, gpu: Mapping[Series, float], errors: Errors) -> dict[Series, float]:
        """Which are up, and their errors added up; ``gpu`` tells how many there are."""
        links = int(min(gpu.get(NVLINKS, 0), LINKS_MOST))
        found: dict[Series, float] = {}
        for link in range(links):
            state = byref(self._up)
            if supported("nvmlDeviceGetNvLinkState", errors, self._handle, link, state):
                found[link_up(link)] = self._up.value
        return {**found, **self._counted(links, errors)}

    def _counted(self, links: int, errors: Errors) -> dict[Series, float]:
        """A kind of error is told when each link that counts it has answered."""
        if self._errors is None or self._errors[0] != links:
            rows = [
                FieldRow(code, nvlink_errors(kind, str(link)), scope=link)
                for code, kind in LINK_ERRORS.items()
                for link in range(links)
            ]
            self._errors = links, Fields(self._handle, rows)
        fields = self._errors[1]
        values = fields.read(errors)
        sums: dict[Series, float] = {}
        failed = set()
        for row in fields.rows:
            name, (kind, _) = row.series
            total = name, (kind,)
            if row.series in values:
                sums[total] = sums.get(total, 0.0) + values[row.series]
            else:
                failed.add(total)
        return {total: count for total, count in sums.items() if total not in failed}
