"""How well a GPU is, out of its readings: 0 good, 1 worth a look, 2 failed, check by check."""

from collections.abc import Callable, Mapping

from agent.catalogue import Series, Values
from agent.xids import Seen, meaning

XID_SECONDS = 3600.0
"""How long an XID counts; what lasts, as a row that cannot be replaced, has a check of its own."""
UNCORRECTED: Series = ("neurox_gpu_ecc_errors_total", ("uncorrected", "volatile"))
"""Is about the driver that is loaded: what was before a reset is over."""
_SEVERITY = {"info": 0, "warning": 1, "unknown": 1, "critical": 2}
_RECOVERY = {0: 0, 3: 1}
"""By recovery action; 3 is to drain peer traffic. Everything else asks for a reset or more."""
_COMPLETED, _UNHEALTHY, _LIMITED = 3, 2, 3


def health(up: bool, values: Values, xids: Mapping[str, Seen], now: float) -> Values:
    """By check; one whose readings are absent is left out. ``now``: seconds of the epoch."""
    checks = {"lost": 0 if up else 2, "xid": _xids(xids, now)}
    checks |= {
        name: worst for name, check in _CHECKS.items() if (worst := check(values)) is not None
    }
    return {("neurox_gpu_health", (check,)): worst for check, worst in checks.items()}


def _xids(xids: Mapping[str, Seen], now: float) -> int:
    """The worst recent one; errors of applications are no fault of the GPU."""
    recent = (meaning(code) for code, seen in xids.items() if now - seen.last <= XID_SECONDS)
    return max((_SEVERITY[x.severity] for x in recent if x.cause != "application"), default=0)


def _of(values: Values, name: str, *labels: str) -> float | None:
    return values.get((f"neurox_gpu_{name}", labels))


def _row_remap(values: Values) -> int | None:
    if _of(values, "row_remap_failed"):
        return 2
    pending = _of(values, "row_remap_pending"), _of(values, "retired_pages_pending")
    return _any(*pending)


def _ecc(values: Values) -> int | None:
    return _any(values.get(UNCORRECTED))


def _slowed(*reasons: str) -> Callable[[Values], int | None]:
    return lambda values: _any(*(_of(values, "clock_event_active", reason) for reason in reasons))


def _pcie(values: Values) -> int | None:
    """Only the width: the generation falls by itself when nothing runs."""
    width, most = (_of(values, "pcie_link_width", kind) for kind in ("current", "max"))
    return None if width is None or most is None else int(width < most)


def _nvlink(values: Values) -> int | None:
    down = [up == 0 for (name, _), up in values.items() if name == "neurox_gpu_nvlink_up"]
    return int(any(down)) if down else None


def _fabric(values: Values) -> int | None:
    state, summary = _of(values, "fabric_state"), _of(values, "fabric_health")
    if state is None:
        return None
    return 2 if summary == _UNHEALTHY else int(state != _COMPLETED or summary == _LIMITED)


def _recovery(values: Values) -> int | None:
    action = _of(values, "recovery_action")
    return None if action is None else _RECOVERY.get(int(action), 2)


def _any(*found: float | None) -> int | None:
    """1 where one of the readings is above 0; None where all are absent."""
    present = [value > 0 for value in found if value is not None]
    return int(any(present)) if present else None


_CHECKS: Mapping[str, Callable[[Values], int | None]] = {
    "row_remap": _row_remap,
    "ecc": _ecc,
    "thermal": _slowed("thermal", "hw_thermal"),
    "power": _slowed("hw_slowdown", "power_brake"),
    "pcie": _pcie,
    "nvlink": _nvlink,
    "fabric": _fabric,
    "recovery": _recovery,
}
