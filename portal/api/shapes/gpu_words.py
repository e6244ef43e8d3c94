"""What a driver says of a GPU by a short name or a number, in words."""

from typing import Literal

from portal.schemas import ClockEvent

_CLOCK_EVENTS = {
    "idle": ("nothing runs, so the clocks are low", False),
    "app_clocks": ("an administrator set the clocks", False),
    "display": ("the display clocks hold it", False),
    "sync_boost": ("clocks are kept equal to those of other GPUs", False),
    "power_cap": ("it is at its power limit", True),
    "power_brake": ("the server's power supply asks it to slow down", True),
    "thermal": ("it is too hot", True),
    "hw_thermal": ("it is so hot that the hardware slows it down", True),
    "hw_slowdown": ("the hardware slows it down, for heat or power", True),
}
_RECOVERY = ("none", "reset", "reboot", "drain peers", "drain and reset")
_CHECKS = {
    "lost": "the driver lost it",
    "xid": "the driver reported errors (XID)",
    "row_remap": "a row of its memory could not be replaced",
    "ecc": "errors of its memory could not be corrected",
    "thermal": "it slowed down for heat",
    "power": "it slowed down for power",
    "pcie": "its PCIe link is narrower or slower than it can be",
    "nvlink": "an NVLink is down or has errors",
    "fabric": "the NVLink fabric is not healthy",
    "recovery": "the driver asks for a recovery action",
}


def clock_event(reason: str) -> ClockEvent:
    """One that is not known is told by its name, and taken for one that costs speed."""
    text, throttles = _CLOCK_EVENTS.get(reason, (reason.replace("_", " "), True))
    return ClockEvent(reason=reason, text=text, throttles=throttles)


def finding(check: str) -> str:
    """What a check of a GPU's health found."""
    return _CHECKS.get(check, check.replace("_", " "))


def recovery(action: int | None) -> str | None:
    """What the driver asks for; None is unknown."""
    if action is None:
        return None
    return _RECOVERY[action] if action < len(_RECOVERY) else f"action {action}"


def health(worst: int | None) -> Literal["good", "warning", "failed"] | None:
    """The worst of its checks."""
    words: tuple[Literal["good", "warning", "failed"], ...] = ("good", "warning", "failed")
    return None if worst is None else words[worst]
