"""Which numbers are times: epoch seconds that a calendar can show."""

LATEST = 253_402_300_800.0
"""The year 10000: no calendar of ours goes that far."""


def is_time(value: float) -> bool:
    """Whether it is a time at all."""
    return 0 <= value < LATEST
