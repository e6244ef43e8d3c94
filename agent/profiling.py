"""Profiling of one GPU through GPM, as series: activity now, and what it adds up to."""

from agent.catalogue import Series, Values
from agent.integrals import Integrals
from agent.nvml.errors import Errors
from agent.nvml.field_table import NVLINK_BYTES, PCIE_BYTES
from agent.nvml.gpm import (
    ACTIVITY,
    LINK_RATES,
    MIB,
    PIPES,
    RATES,
    TENSORS,
    Window,
    question,
    ratios,
)
from agent.nvml.library import Handle

SECONDS: dict[int, Series] = {
    2: ("neurox_gpu_sm_active_seconds_total", ()),
    5: ("neurox_gpu_tensor_active_seconds_total", ()),
}
RATIOS: dict[int, Series] = {
    **{number: (f"neurox_gpu_{name}", ()) for number, name in ACTIVITY.items()},
    **{number: ("neurox_gpu_pipe_active_ratio", (pipe,)) for number, pipe in PIPES.items()},
}
TENSOR_RATIOS: dict[int, Series] = {
    number: ("neurox_gpu_tensor_pipe_active_ratio", (pipe,)) for number, pipe in TENSORS.items()
}
BYTES: dict[int, Series] = {
    **{number: PCIE_BYTES[way] for number, way in RATES.items()},
    **{number: NVLINK_BYTES[way] for number, way in LINK_RATES.items()},
}


class Profiling:
    """Windows of one GPU; ``tensors``: each kind of tensor pipe has a ratio of its own."""

    def __init__(self, handle: Handle, tensors: bool = False) -> None:
        self._window = Window(handle)
        self._ratios = {**RATIOS, **TENSOR_RATIOS} if tensors else RATIOS
        self._rates = list(BYTES)
        self._asked = question([*self._ratios, *self._rates])

    def read(self, now: float, integrals: Integrals, errors: Errors) -> Values:
        """The last window, with the totals up to now."""
        self._leave(integrals)
        metrics, seconds = self._window.last(self._asked, now, errors)
        values = ratios(metrics, self._ratios)
        for number, series in SECONDS.items():
            active = values.get(RATIOS[number])
            if active is not None:
                values[series] = integrals.add(series, active * seconds)
        for number in self._rates:
            if number in metrics:
                moved = metrics[number] * MIB * seconds
                values[BYTES[number]] = integrals.add(BYTES[number], moved)
        return values

    def _leave(self, integrals: Integrals) -> None:
        """No rate of what the driver counts itself, as soon as it does: it would count twice."""
        rates = [number for number in self._rates if not integrals.follows(BYTES[number])]
        if rates != self._rates:
            self._rates, self._asked = rates, question([*self._ratios, *rates])

    def free(self) -> None:
        """Give the driver's buffers back."""
        self._window.free()
