"""Times and means as the API gives them."""

from collections.abc import Iterable
from datetime import UTC, datetime


def moment(seconds: float | None) -> datetime | None:
    """Epoch seconds as a UTC time to the millisecond; None stays unknown."""
    return None if seconds is None else at(seconds)


def at(seconds: float) -> datetime:
    """Epoch seconds as a UTC time to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)


def age(now: float, then: float | None) -> float | None:
    """Seconds from ``then`` to ``now``, never negative; None when ``then`` is unknown."""
    return None if then is None else round(max(0.0, now - then), 1)


def mean(values: Iterable[float | None]) -> float | None:
    """The mean of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 4) if known else None


def total(values: Iterable[int | float | None]) -> float | None:
    """The sum of what is known; None when nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def total_bytes(values: Iterable[int | None]) -> int | None:
    """The sum of what is known, as a whole number; None when nothing is."""
    summed = total(values)
    return None if summed is None else int(summed)
